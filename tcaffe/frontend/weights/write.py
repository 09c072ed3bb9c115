"""Weights to a file: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tcaffe.frontend.weights.hdf5 import open_hdf5
from tcaffe.schema import caffe_pb2

Arrays = Mapping[str, Sequence[np.ndarray]]
TAGS = {"layer": b"\xa2\x06", "blobs": b"\x3a", "data": b"\x2a"}
"""The keys of NetParameter.layer, LayerParameter.blobs and BlobProto.data on the wire."""


def write_caffemodel(path: str | os.PathLike[str], net: Any, arrays: Arrays) -> None:
    """Write `net` with the parameters of each layer, by name, as float32; numbers go from the array to the file.

    A killed process leaves the old file or the new one. Raises OSError.
    """

    def write(file: BinaryIO) -> None:
        head = caffe_pb2.NetParameter(name=net.name)
        file.write(head.SerializeToString())
        for layer in net.layer:
            _write_layer(file, layer, arrays.get(layer.name, ()))

    _atomically(Path(path), write)


def write_hdf5(
    path: str | os.PathLike[str], layers: Sequence[str], arrays: Arrays, shared: Mapping[str, set[int]]
) -> None:
    """Write the parameters each layer owns; `shared` numbers those that are another layer's. Raises OSError."""

    def write(staging: Path) -> None:
        with open_hdf5(staging, "w") as file:
            data = file.create_group("data")
            for name in layers:
                group = data.require_group(name)
                for i, array in enumerate(arrays.get(name, ())):
                    if i not in shared.get(name, ()):
                        group.create_dataset(str(i), data=np.asarray(array, np.float32))

    _replace(Path(path), write)


def _write_layer(file: BinaryIO, layer: Any, arrays: Sequence[np.ndarray]) -> None:
    plain = caffe_pb2.LayerParameter()
    plain.CopyFrom(layer)
    plain.ClearField("blobs")
    blobs = [(_shape_bytes(a), np.ascontiguousarray(a, np.dtype("<f4"))) for a in arrays]
    sizes = [len(s) + _prefixed(TAGS["data"], a.nbytes) for s, a in blobs]
    body = plain.SerializeToString()
    total = len(body) + sum(_prefixed(TAGS["blobs"], size) for size in sizes)
    file.write(TAGS["layer"] + _varint(total) + body)
    for (shape, array), size in zip(blobs, sizes, strict=True):
        file.write(TAGS["blobs"] + _varint(size) + shape + TAGS["data"] + _varint(array.nbytes))
        file.write(array.data)


def _shape_bytes(array: np.ndarray) -> bytes:
    return caffe_pb2.BlobProto(shape=caffe_pb2.BlobShape(dim=array.shape)).SerializeToString()


def _prefixed(tag: bytes, size: int) -> int:
    """Bytes of a field of `size` bytes with its key and its length."""
    return len(tag) + len(_varint(size)) + size


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    def fill(staging: Path) -> None:
        with staging.open("wb") as file:
            write(file)

    _replace(path, fill)


def _replace(path: Path, fill: Callable[[Path], None]) -> None:
    """Fill a temporary file beside `path`, make sure it is on the disk, and only then give it the name."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    staging = Path(name)
    try:
        fill(staging)
        with staging.open("rb") as file:
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        staging.chmod(0o666 & ~mask)
        staging.replace(path)
    finally:
        staging.unlink(missing_ok=True)
