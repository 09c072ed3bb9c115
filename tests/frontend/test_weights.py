"""Weights: files of every age give the same arrays, mismatches are told together, broken files are refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.weights import (
    StoredBlob,
    Target,
    caffemodel,
    match_weights,
    read_weights,
    write_caffemodel,
    write_hdf5,
)
from tcaffe.frontend.weights.wire import WireError
from tcaffe.schema import caffe_pb2

GOLDEN = Path(__file__).parents[1] / "golden" / "upgrade"
SHAPES = [Target("conv", ((4, 3, 3, 3), (4,))), Target("ip", ((3, 64), (3,)))]


@pytest.mark.parametrize("age", sorted(p.name for p in GOLDEN.glob("binary_*")))
@pytest.mark.parametrize("file", ["old", "new"])
def test_every_age_gives_the_recorded_arrays(age: str, file: str) -> None:
    case = np.load(GOLDEN / age / "case.npz")
    matched = match_weights(read_weights(GOLDEN / age / f"{file}.caffemodel"), SHAPES)
    for layer in ("conv", "ip"):
        for i in (0, 1):
            np.testing.assert_array_equal(matched.blobs[layer][i].astype(np.float32), case[f"param/{layer}/{i}"])


ARRAYS = {"a/b": [np.arange(6, dtype=np.float32).reshape(2, 3), np.float32([1, 2])], "c": [np.float32(3).reshape(())]}
NET = text_format.Parse(
    'name: "n" layer { name: "a/b" type: "InnerProduct" } layer { name: "r" } layer { name: "c" type: "Scale" }',
    caffe_pb2.NetParameter(),
)
TARGETS = [Target("a/b", ((2, 3), (2,))), Target("c", ((),))]


def check(path: Path) -> None:
    matched = match_weights(read_weights(path), TARGETS)
    for layer, arrays in ARRAYS.items():
        for i, array in enumerate(arrays):
            np.testing.assert_array_equal(matched.blobs[layer][i], array)


def test_a_written_file_reads_back_here_and_as_protobuf(tmp_path: Path) -> None:
    path = tmp_path / "n.caffemodel"
    write_caffemodel(path, NET, ARRAYS)
    check(path)
    message = caffe_pb2.NetParameter.FromString(path.read_bytes())
    assert [layer.name for layer in message.layer] == ["a/b", "r", "c"]
    assert list(message.layer[0].blobs[0].data) == [0, 1, 2, 3, 4, 5]
    assert list(message.layer[0].blobs[0].shape.dim) == [2, 3]
    assert [p.name for p in tmp_path.iterdir()] == ["n.caffemodel"]


def test_hdf5_and_its_nested_names(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "n.caffemodel.h5"
    write_hdf5(path, ["a/b", "r", "c"], ARRAYS, {})
    check(path)


def stored(*, packed: bool, double: bool) -> bytes:
    """A file with one layer whose numbers stand as asked for; unpacked ones each have a key of their own."""
    message = caffe_pb2.NetParameter()
    blob = message.layer.add(name="x").blobs.add()
    blob.shape.dim.extend([5])
    (blob.double_data if double else blob.data).extend(range(5))
    if packed:
        return message.SerializeToString()
    key, kind = (0x41, "<f8") if double else (0x2D, "<f4")
    numbers = b"".join(bytes([key]) + np.array(v, kind).tobytes() for v in range(5))
    inner = caffe_pb2.BlobShape(dim=[5]).SerializeToString()
    body = b"\x3a" + bytes([len(inner)]) + inner + numbers
    layer = b"\x0a\x01x\x3a" + bytes([len(body)]) + body
    return b"\xa2\x06" + bytes([len(layer)]) + layer


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("double", [True, False])
def test_packed_or_not_single_or_double(tmp_path: Path, packed: bool, double: bool) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_bytes(stored(packed=packed, double=double))
    (layer,) = read_weights(path)
    assert layer.blobs[0] is not None
    np.testing.assert_array_equal(layer.blobs[0].data, range(5))
    assert layer.blobs[0].data.dtype == (np.float64 if double else np.float32)


def test_old_shapes_stand_for_any_with_ones_in_front() -> None:
    blob = StoredBlob((1, 1, 3, 64), np.zeros(192, np.float32), legacy=True)
    assert blob.fits((3, 64)) and blob.fits((1, 3, 64)) and not blob.fits((192,)) and not blob.fits((1, 1, 1, 3, 64))


def test_every_mismatch_is_told(tmp_path: Path) -> None:
    path = tmp_path / "n.caffemodel"
    write_caffemodel(path, NET, ARRAYS)
    with pytest.raises(CompileError) as error:
        match_weights(read_weights(path), [Target("a/b", ((3, 3), (2,))), Target("c", ((), (1,)))])
    assert [d.message for d in error.value.diagnostics] == [
        "parameter 0 of layer `a/b` is [2, 3] in the file and [3, 3] in the net",
        "layer `c` has 1 parameters in the file and 2 in the net",
    ]


def test_layers_nobody_wants_are_told_where_a_name_is_near(tmp_path: Path) -> None:
    path = tmp_path / "n.caffemodel"
    net = text_format.Parse('layer { name: "conv1" } layer { name: "other" }', caffe_pb2.NetParameter())
    write_caffemodel(path, net, {"conv1": [np.zeros(2)], "other": [np.zeros(2)]})
    matched = match_weights(read_weights(path), [Target("conv_1", ((2,),)), Target("d", ((1,),))])
    assert matched.ignored == ("conv1", "other")
    assert matched.missing == ("conv_1", "d")
    assert [d.suggestion for d in matched.warnings] == ["did you mean `conv_1`?"]


def test_numbers_are_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "big.caffemodel"
    write_caffemodel(path, NET, {"a/b": [np.zeros((1000, 2000), np.float32), np.zeros(2, np.float32)]})
    tracemalloc.start()
    layers = read_weights(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert layers[0].blobs[0] is not None and layers[0].blobs[0].data.size == 2_000_000
    assert peak < 100_000


VALID = (GOLDEN / "binary_v1" / "old.caffemodel").read_bytes()


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever bytes change or are missing: layers or a WireError, and no allocation beyond the file's own size."""
    damaged = bytearray(VALID[: data.draw(st.integers(0, len(VALID)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, min(len(damaged), 400) - 1))] = data.draw(st.integers(0, 255))
    try:
        layers = list(caffemodel.read_layers(memoryview(bytes(damaged))))
    except WireError as error:
        assert 0 <= error.offset <= len(damaged)
    else:
        assert sum(b.data.nbytes for layer in layers for b in layer.blobs if b) <= len(damaged)


def test_a_broken_file_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "cut.caffemodel"
    path.write_bytes(VALID[:200])
    with pytest.raises(CompileError) as error:
        read_weights(path)
    assert error.value.diagnostics[0].code == "E0502"
    assert error.value.diagnostics[0].note.startswith("byte ")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="E0501"):
        read_weights(tmp_path / "none.caffemodel")
