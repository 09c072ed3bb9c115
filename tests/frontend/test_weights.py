"""Weights: files of every age give the same arrays, and what does not fit the net is told together."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.weights import (
    StoredBlob,
    StoredLayer,
    Target,
    match_weights,
    read_binary_net,
    read_weights,
)
from tcaffe.frontend.weights.caffemodel import read_layers
from tcaffe.frontend.weights.wire import BYTES, FIXED32, FIXED64, VARINT, key, to_varint
from tcaffe.schema import caffe_pb2

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "upgrade"
AGES = sorted(p.name for p in GOLDEN.glob("binary_*"))


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("file", ["old", "new"])
def test_every_age_gives_the_recorded_arrays(age: str, file: str) -> None:
    case = np.load(GOLDEN / age / "case.npz")
    targets = [Target("conv", ((4, 3, 3, 3), (4,))), Target("ip", ((3, 64), (3,)))]
    matched = match_weights(read_weights(GOLDEN / age / f"{file}.caffemodel"), targets)
    for layer in ("conv", "ip"):
        for i in (0, 1):
            np.testing.assert_array_equal(matched.blobs[layer][i].astype(np.float32), case[f"param/{layer}/{i}"])


def test_a_file_of_the_original_is_read_as_protobuf_reads_it() -> None:
    path = ROOT / "examples" / "lenet" / "lenet_digits.caffemodel"
    stored = {layer.name: layer.blobs for layer in read_weights(path) if layer.blobs}
    for layer in read_binary_net(path).layer:
        for blob, mine in zip(layer.blobs, stored.get(layer.name, ()), strict=True):
            assert mine is not None and mine.shape == tuple(blob.shape.dim)
            np.testing.assert_array_equal(mine.data, np.float32(blob.data))
    assert list(stored) == ["conv1", "conv2", "ip1", "ip2"]


def field(number: int, value: bytes | int) -> bytes:
    """A field on the wire: a varint, or bytes behind their length."""
    if isinstance(value, int):
        return key(number, VARINT) + to_varint(value)
    return key(number, BYTES) + to_varint(len(value)) + value


def stored_blob(*fields: bytes) -> StoredBlob:
    """What is read of an array of these fields, in a layer that is called x."""
    (layer,) = read_layers(memoryview(field(100, field(1, b"x") + field(7, b"".join(fields)))))
    assert layer.name == "x" and layer.blobs[0] is not None
    return layer.blobs[0]


def one_by_one(number: int, kind: int, values: np.ndarray) -> bytes:
    return b"".join(key(number, kind) + value.tobytes() for value in values)


SINGLES, DOUBLES, HALVES = (np.arange(5, dtype=dtype) for dtype in ("<f4", "<f8", "<f2"))
SHAPE = field(7, field(1, b"\5"))
WAYS = {
    "packed": field(5, SINGLES.tobytes()),
    "one by one": one_by_one(5, FIXED32, SINGLES),
    "in two pieces": field(5, SINGLES[:2].tobytes()) + one_by_one(5, FIXED32, SINGLES[2:]),
    "doubles": field(8, DOUBLES.tobytes()),
    "doubles one by one": one_by_one(8, FIXED64, DOUBLES),
    "doubles win": field(8, DOUBLES.tobytes()) + field(5, (SINGLES + 1).tobytes()),
    "no doubles after all": field(8, b"") + field(5, SINGLES.tobytes()),
    "raw singles": field(10, 1) + field(12, SINGLES.tobytes()),
    "raw halves": field(12, HALVES.tobytes()) + field(10, 2),
    "raw doubles": field(10, 0) + field(12, DOUBLES.tobytes()),
    "gradients are left": field(6, DOUBLES.tobytes()) + field(5, SINGLES.tobytes()) + field(13, b"abc"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape_first", [True, False])
def test_every_way_to_store_numbers(way: str, shape_first: bool) -> None:
    blob = stored_blob(SHAPE, WAYS[way]) if shape_first else stored_blob(WAYS[way], SHAPE)
    assert blob.shape == (5,) and blob.complete
    np.testing.assert_array_equal(blob.data, range(5))


def test_many_numbers_one_by_one() -> None:
    values = np.arange(200_000, dtype="<f4")
    np.testing.assert_array_equal(stored_blob(one_by_one(5, FIXED32, values), field(1, 200_000)).data, values)


def test_what_forks_made_of_other_fields_does_not_matter() -> None:
    numbers = field(5, SINGLES.tobytes())
    clashes = field(148, b"\xff\xff not a message") + field(150, 7) + key(8266711, FIXED64) + bytes(8)
    layer = clashes + field(1, b"x") + field(2, b"Strange") + field(7, SHAPE + numbers) + clashes
    (stored,) = read_layers(memoryview(field(3, b"input") + field(100, layer) + field(2000, b"\xff")))
    assert stored.name == "x"
    assert [blob.shape for blob in stored.blobs if blob] == [(5,)]


def test_shapes() -> None:
    unpacked = key(1, VARINT) + b"\2" + key(1, VARINT) + b"\3"
    assert stored_blob(field(7, unpacked)).shape == (2, 3)
    assert stored_blob().shape == ()
    assert stored_blob(field(7, b"")).shape == ()
    assert stored_blob(field(3, 8), field(4, 2), SHAPE).shape == (0, 0, 8, 2)


def test_old_shapes_stand_for_any_with_ones_in_front() -> None:
    blob = StoredBlob((1, 1, 3, 64), np.zeros(192, np.float32), legacy=True)
    assert blob.fits((3, 64)) and blob.fits((1, 3, 64)) and not blob.fits((192,)) and not blob.fits((1, 1, 1, 3, 64))


# ── matching ────────────────────────────────────────────────────────────────────────────────────────────────────────


def layer(name: str, *shapes: tuple[int, ...] | None, fill: float = 0, file: str = "w.caffemodel") -> StoredLayer:
    blobs = (StoredBlob(s, np.full(int(np.prod(s)), fill)) if s is not None else None for s in shapes)
    return StoredLayer(name, tuple(blobs), file)


def told(stored: list[StoredLayer], *targets: Target) -> str:
    with pytest.raises(CompileError) as error:
        match_weights(stored, targets)
    return str(error.value)


def test_every_mismatch_is_told() -> None:
    stored = [layer("a", (2, 3), (2,)), layer("b", ()), layer("c", None, (4,))]
    targets = Target("a", ((3, 3), (2,))), Target("b", ((), (1,))), Target("c", ((4,), (4,)))
    assert told(stored, *targets) == """\
error E0505: parameter 0 of layer `a` is [2, 3] in the file and [3, 3] in the net
  note: the file is w.caffemodel
  help: to train the layer from scratch instead, give it another name
error E0504: layer `b` has 1 parameter in the file and 2 in the net
  note: their shapes: [] in w.caffemodel, [] [1] in the net
  help: to train the layer from scratch instead, give it another name
error E0504: parameter 0 of layer `c` is missing from the file
  note: the file is w.caffemodel
3 errors"""


def test_numbers_must_be_as_many_as_the_shape_says() -> None:
    short = StoredLayer("a", (StoredBlob((2, 3), np.zeros(5)),))
    assert "is [2, 3] in the file, which holds 5 numbers for it" in told([short], Target("a", ((2, 3),)))


def test_shared_parameters_may_be_missing() -> None:
    target = Target("a", ((2,), (3,)), shared=frozenset({1}))
    assert list(match_weights([layer("a", (2,))], [target]).blobs["a"]) == [0]
    assert list(match_weights([layer("a", (2,), None)], [target]).blobs["a"]) == [0]
    assert list(match_weights([layer("a", (2,), (3,))], [target]).blobs["a"]) == [0, 1]


def test_later_files_win() -> None:
    first = [layer("a", (2,), fill=1), layer("b", (2,), fill=2)]
    second = [layer("b", (2,), fill=3), layer("b", (2,), fill=4)]
    matched = match_weights(chain(first, second), [Target("a", ((2,),)), Target("b", ((2,),))])
    assert {name: blobs[0].tolist() for name, blobs in matched.blobs.items()} == {"a": [1, 1], "b": [4, 4]}
    assert matched.missing == matched.warnings == ()


def test_the_first_layer_of_a_name_is_meant() -> None:
    matched = match_weights([layer("a", (2,))], [Target("a", ((2,),)), Target("a", ((7,),))])
    assert matched.blobs["a"][0].shape == (2,)


def test_what_is_left_over_is_told() -> None:
    stored = [layer("conv1", (2,)), layer("relu"), *(layer(f"loss{i}/fc", (1,)) for i in range(10))]
    matched = match_weights(stored, [Target("conv_1", ((2,),)), Target("xyz", ((1,),))])
    assert matched.ignored == ("conv1", *(f"loss{i}/fc" for i in range(10)))
    assert matched.missing == ("conv_1", "xyz")
    assert "\n".join(map(str, matched.warnings)) == """\
warning E0506: the weights of layer `conv1` are not used
  help: did you mean `conv_1`?
warning E0506: the weights of layers `loss0/fc`, `loss1/fc`, `loss2/fc`, `loss3/fc`, `loss4/fc`, `loss5/fc`, \
`loss6/fc`, `loss7/fc` and 2 more are not used
  note: the net has no layers of these names, or none with parameters
warning E0507: there are no weights for layers `conv_1`, `xyz`
  note: they start as their fillers say"""


def test_a_binary_net_is_read_whole() -> None:
    net = read_binary_net(GOLDEN / "binary_v1" / "old.caffemodel")
    assert [len(entry.blobs) for entry in net.layers if entry.blobs] == [2, 2]
    assert isinstance(net, caffe_pb2.NetParameter) and text_format.MessageToString(net).startswith("name:")
