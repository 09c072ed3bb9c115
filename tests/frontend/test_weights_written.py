"""Weights that are written: they read back here and elsewhere, and a file is whole or as it was."""

from __future__ import annotations

import os
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.weights import (
    OneByOne,
    Target,
    match_weights,
    read_weights,
    write_caffemodel,
    write_hdf5,
    write_whole,
)
from tcaffe.schema import caffe_pb2

ARRAYS = {"a/b": [np.arange(6, dtype=np.float32).reshape(2, 3), np.float32([1, 2])], "c": [np.float32(3).reshape(())]}
NET = text_format.Parse(
    """
    name: "n" state { phase: TRAIN } input: "x" force_backward: true
    layer { name: "a/b" type: "InnerProduct" inner_product_param { num_output: 2 } blobs { data: 7 } }
    layer { name: "r" type: "ReLU" }
    layer { name: "c" type: "Scale" }
    """,
    caffe_pb2.NetParameter(),
)
TARGETS = [Target("a/b", ((2, 3), (2,))), Target("c", ((),))]


def check(path: Path) -> None:
    matched = match_weights(read_weights(path), TARGETS)
    for layer, arrays in ARRAYS.items():
        for i, array in enumerate(arrays):
            np.testing.assert_array_equal(matched.blobs[layer][i], array)


def test_a_caffemodel_reads_back_here_and_as_protobuf(tmp_path: Path) -> None:
    path = tmp_path / "n.caffemodel"
    write_caffemodel(path, NET, ARRAYS)
    check(path)
    assert caffe_pb2.NetParameter.FromString(path.read_bytes()) == text_format.Parse(
        """
        name: "n"
        layer {
          name: "a/b" type: "InnerProduct" inner_product_param { num_output: 2 }
          blobs { shape { dim: 2 dim: 3 } data: [0, 1, 2, 3, 4, 5] }
          blobs { shape { dim: 2 } data: [1, 2] }
        }
        layer { name: "r" type: "ReLU" }
        layer { name: "c" type: "Scale" blobs { shape { } data: 3 } }
        """,
        caffe_pb2.NetParameter(),
    )
    assert [p.name for p in tmp_path.iterdir()] == ["n.caffemodel"]


def test_arrays_of_any_layout_are_written_as_float32(tmp_path: Path) -> None:
    odd = np.arange(24, dtype=np.float64).reshape(4, 6)[::2, ::-1].T
    write_caffemodel(tmp_path / "n", NET, {"c": [odd, np.zeros((0, 3))]})
    layer = match_weights(read_weights(tmp_path / "n"), [Target("c", ((6, 2), (0, 3)))]).blobs["c"]
    assert layer[0].dtype == np.float32 and layer[1].shape == (0, 3)
    np.testing.assert_array_equal(layer[0], odd)


def test_numbers_are_copied_neither_in_nor_out(tmp_path: Path) -> None:
    path, array = tmp_path / "big.caffemodel", np.zeros((1000, 2000), np.float32)
    tracemalloc.start()
    write_caffemodel(path, NET, {"a/b": [array]})
    layers = read_weights(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert layers[0].blobs[0] is not None and layers[0].blobs[0].data.size == array.size
    assert peak < array.nbytes // 20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what the system says of this process")
def test_what_was_read_of_a_file_does_not_stay_in_memory(tmp_path: Path) -> None:
    arrays = [np.full(2_000_000, k, np.float32) for k in range(8)]
    write_caffemodel(tmp_path / "n", NET, {"c": arrays})
    blobs = next(layer.blobs for layer in read_weights(tmp_path / "n") if layer.name == "c")
    mapped = {str(k): blob.data for k, blob in enumerate(blobs) if blob is not None}
    before = resident_file_bytes()
    assert [array[-1] for array in OneByOne(mapped).values()] == list(range(8))
    assert resident_file_bytes() - before < arrays[0].nbytes


def resident_file_bytes() -> int:
    """Bytes of mapped files that are in this process's memory."""
    found = re.search(r"RssFile:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "n"
    path.write_bytes(b"old")

    def fail(staging: Path) -> None:
        staging.write_bytes(b"half of it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, fail)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["n"]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "n", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, lambda staging: staging.write_bytes(b"new"))
    assert link.is_symlink() and path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o640


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a file"):
        write_whole(tmp_path / "pipe", lambda staging: staging.write_bytes(b"new"))
    assert (tmp_path / "pipe").is_fifo()


# ── HDF5 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_hdf5_and_its_nested_names(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "n.caffemodel.h5"
    write_hdf5(path, ["a/b", "r", "c", "c"], ARRAYS, {})
    check(path)
    with h5py.File(path) as file:
        assert sorted(file["data"]) == ["a", "c", "r"] and file["data/a/b/0"].dtype == np.float32


def test_hdf5_leaves_out_what_is_another_layers(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "n.h5"
    write_hdf5(path, ["a/b"], ARRAYS, {"a/b": {0}})
    (layer,) = read_weights(path)
    assert layer.blobs[0] is None and layer.blobs[1] is not None
    matched = match_weights([layer], [Target("a/b", ((2, 3), (2,)), shared=frozenset({0}))])
    assert list(matched.blobs["a/b"]) == [1]


@pytest.mark.parametrize("name", ["", "/a", "a//b", "a/", "./a", "a\0b", "c/0"])
def test_names_that_cannot_be_groups(tmp_path: Path, name: str) -> None:
    pytest.importorskip("h5py")
    with pytest.raises(CompileError, match="E0508"):
        write_hdf5(tmp_path / "n.h5", ["c", name], ARRAYS | {name: [np.zeros(1)]}, {})
    assert list(tmp_path.iterdir()) == []
