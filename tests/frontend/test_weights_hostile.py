"""Weights files that are something else, broken or hostile: refused with their place, in bounded time and memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.weights import caffemodel, read_binary_net, read_weights, write_hdf5
from tcaffe.frontend.weights.wire import BYTES, FIXED32, VARINT, WireError, key, to_varint

GOLDEN = Path(__file__).parents[1] / "golden" / "upgrade"
VALID = [(GOLDEN / f"binary_{age}" / "old.caffemodel").read_bytes() for age in ("v0", "v1", "v2_double")]


def complaint(path: Path) -> str:
    with pytest.raises(CompileError) as error:
        read_weights(path)
    return str(error.value).replace(str(path), path.name)


def nested(*numbers: int, inside: bytes = b"") -> bytes:
    """`inside` as a field of a field of a field, by their numbers."""
    for number in reversed(numbers):
        inside = key(number, BYTES) + to_varint(len(inside)) + inside
    return inside


# ── files that are something else ───────────────────────────────────────────────────────────────────────────────────


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "E0501: there is no file `none`" in complaint(tmp_path / "none")
    assert "is not a file" in complaint(tmp_path)
    assert "E0501: `pipe` is not a file" in complaint(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "E0502: `w` is no weights file, or broken: it holds no layers\n  note: it is empty"),
        (b"<!DOCTYPE html>\n<html>", "note: it is text: weights are binary"),
        (b'layer { name: "a" }', "note: it is text"),
        (nested(100, 7)[:-1] + b"\x80", "a number that does not end, at byte 4 of 5"),
        (VALID[1][:200], "a field of 514 bytes where 188 are left, at byte 9 of 200"),
        (nested(7, 1, inside=b"\1\2\3"), "it holds no layers"),  # as a mean file is
        (b"\x89HDF\r\n\x1a\n", "is a broken HDF5 file"),
    ],
)
def test_what_is_no_weights_file(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "w").write_bytes(data)
    assert told in complaint(tmp_path / "w")


def test_a_broken_binary_net(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(VALID[0][:100])
    with pytest.raises(CompileError, match="E0502"):
        read_binary_net(tmp_path / "w")


# ── hostile protobuf ────────────────────────────────────────────────────────────────────────────────────────────────

HUGE = to_varint(2**63 - 1)
SINGLE_THEN_DOUBLE = key(5, FIXED32) + bytes(4) + key(8, 1) + bytes(8)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (nested(100, 7, 7, inside=key(1, VARINT) + to_varint(2**64 - 2)), r"an array of shape \[-2\]"),
        (nested(100, 7, inside=key(1, VARINT) + to_varint(2**64 - 1)), r"an array of shape \[-1, 0, 0, 0\]"),
        (nested(100, 7, 7, 1, inside=b"\1" * 33), "more than 32 axes"),
        (nested(100, 7, inside=nested(7, 1, inside=b"\1" * 20) * 2), "more than 32 axes"),
        (nested(100, 7, 5, inside=b"123"), "3 bytes are no whole number of elements"),
        (nested(100, 7, 12, inside=b"1234"), "numbers of the unknown type None"),
        (nested(100, 7, inside=key(10, VARINT) + b"\3" + nested(12, inside=b"1234")), "unknown type 3"),
        (nested(100, 7, inside=key(5, VARINT) + b"\1"), "something else than numbers"),
        (nested(100, 7) * 2 + key(100, BYTES) + HUGE, "a field of 9223372036854775807 bytes"),
        (key(100, 3), "a field of the unknown kind 3"),
        (key(0, BYTES) + b"\0", "number 0"),
        (nested(100) * 100_001, "more than 100000 layers"),
        (nested(100, inside=nested(7) * 1025), "more than 1024 parameters"),
        (nested(100, 7, inside=SINGLE_THEN_DOUBLE * 200_000), "more than 1024 pieces"),
    ],
)
def test_lies_are_refused(data: bytes, told: str) -> None:
    with pytest.raises(WireError, match=told):
        list(caffemodel.read_layers(memoryview(data)))


def test_a_huge_shape_allocates_nothing() -> None:
    data = nested(100, 7, 7, 1, inside=HUGE * 32)
    (layer,) = caffemodel.read_layers(memoryview(data))
    assert layer.blobs[0] is not None and not layer.blobs[0].complete


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever bytes change or are missing: layers or a WireError, and no allocation beyond the file's own size."""
    whole = data.draw(st.sampled_from(VALID))
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, min(len(damaged), 400) - 1))] = data.draw(st.integers(0, 255))
    try:
        layers = list(caffemodel.read_layers(memoryview(bytes(damaged))))
    except WireError as error:
        assert 0 <= error.offset <= len(damaged)
    else:
        assert sum(b.data.nbytes for layer in layers for b in layer.blobs if b) <= len(damaged)


# ── hostile HDF5 ────────────────────────────────────────────────────────────────────────────────────────────────────


def external_storage(file: Any) -> None:
    file.create_dataset("data/a/0", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(file: Any) -> None:
    h5py = pytest.importorskip("h5py")
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("data/a/0", layout)


def never_written(file: Any) -> None:
    file.create_dataset("data/a/0", (2**40,), "f4", chunks=(1024,), fillvalue=1)


def strings(file: Any) -> None:
    file["data/a/0"] = "text"


def far_number(file: Any) -> None:
    file["data/a/99999"] = np.zeros(1)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (external_storage, "has its numbers in another file"),
        (virtual, "has its numbers in another file"),
        (never_written, "claims 4398046511104 bytes"),
        (strings, "holds no numbers"),
        (far_number, "a parameter with the number 99999"),
        (lambda file: file.create_group("date"), "it holds no layers"),
    ],
)
def test_hdf5_that_lies(tmp_path: Path, build: Callable[[Any], None], told: str) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        build(file)
    assert told in complaint(tmp_path / "w.h5")


def test_hdf5_links_are_not_followed_nor_circles_walked(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["a/0"] = np.ones(3)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["data/real/0"] = np.arange(3)
        file["data/linked"] = h5py.ExternalLink("secret.h5", "/a")
        file["data/soft"] = h5py.SoftLink("/data/real")
        file["data/real/round"] = file["data"]
    layers = read_weights(tmp_path / "w.h5")
    assert [layer.name for layer in layers] == ["real"]
    assert layers[0].blobs[0] is not None and layers[0].blobs[0].data.tolist() == [0, 1, 2]


def test_hdf5_that_is_damaged_is_read_or_refused(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "w.h5"
    write_hdf5(path, ["a/b", "c"], {"a/b": [np.ones((2, 3))], "c": [np.ones(4)]}, {})
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole[: random.integers(len(whole) // 2, len(whole) + 1)])
        for place in random.integers(8, len(damaged), 4):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_weights(path)
        except CompileError as error:
            assert error.diagnostics[0].code == "E0502"
