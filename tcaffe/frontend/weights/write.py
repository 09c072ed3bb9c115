"""Weights to a file, in either format: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights.atomic import write_whole
from tcaffe.frontend.weights.caffemodel import BLOB, CURRENT, NET, number
from tcaffe.frontend.weights.hdf5 import h5py
from tcaffe.frontend.weights.wire import BYTES, key, to_varint
from tcaffe.schema import caffe_pb2

Arrays = Mapping[str, Sequence[np.ndarray]]
NONE: Arrays = MappingProxyType({})
FIELDS = (NET, "layer"), (CURRENT, "blobs"), (BLOB, "data"), (BLOB, "diff")
LAYER, BLOBS, DATA, DIFF = (key(number(*field), BYTES) for field in FIELDS)


def write_caffemodel(
    path: str | os.PathLike[str], net: caffe_pb2.NetParameter, arrays: Arrays, diffs: Arrays = NONE
) -> None:
    """Write the layers of `net` with their parameters, by layer name, as float32, and with the diffs of those.

    Numbers go from the array to the file: memory does not hold them twice. Raises OSError.
    """

    def fill(staging: Path) -> None:
        with staging.open("xb") as file:
            file.write(caffe_pb2.NetParameter(name=net.name).SerializeToString())
            for layer in net.layer:
                _write_layer(file, layer, arrays.get(layer.name, ()), diffs.get(layer.name, ()))

    write_whole(path, fill)


def write_hdf5(
    path: str | os.PathLike[str],
    layers: Sequence[str],
    arrays: Arrays,
    shared: Mapping[str, Set[int]],
    diffs: Arrays = NONE,
) -> None:
    """Write a group for each of `layers`, with the parameters it owns; `shared` numbers those that are another's.

    The `diffs` that there are go to groups of their own, those of shared parameters, too. Raises OSError, and
    CompileError without h5py (E0503) or for a name that cannot be a group (E0508).
    """

    def fill(staging: Path) -> None:
        with h5py(staging).File(staging, "x") as file:
            data = file.create_group("data")
            for name in dict.fromkeys(layers):
                _write_group(data, name, arrays.get(name, ()), shared.get(name, frozenset()))
            for name, found in diffs.items():
                _write_group(file.require_group("diff"), name, found, frozenset())

    write_whole(path, fill)


def write_blob(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write an array [N, C, H, W] as a `.binaryproto` of float32 with its sides as Caffe's tools name them.

    Raises OSError.
    """
    num, channels, height, width = array.shape
    head = caffe_pb2.BlobProto(num=num, channels=channels, height=height, width=width).SerializeToString()
    numbers = np.asarray(array, "<f4").tobytes()
    write_whole(path, lambda staging: staging.write_bytes(head + DATA + to_varint(len(numbers)) + numbers))


def _write_group(data: Any, name: str, arrays: Sequence[np.ndarray], shared: Set[int]) -> None:
    """Write one layer; slashes in its name make groups inside groups."""
    usable = all(part not in ("", ".") for part in name.split("/")) and "\0" not in name
    if not usable and not arrays:
        return
    try:
        if not usable:
            raise ValueError("no group can have that name")
        group = data.require_group(name)
        for i, array in enumerate(arrays):
            if i not in shared:
                group.create_dataset(str(i), data=np.asarray(array, np.float32))
    except (TypeError, ValueError) as error:
        complaint = f"layer `{name}` cannot be stored in HDF5: {error}"
        raise CompileError([Diagnostic("E0508", complaint, suggestion="write a .caffemodel")]) from error


def _write_layer(
    file: BinaryIO, layer: caffe_pb2.LayerParameter, arrays: Sequence[np.ndarray], diffs: Sequence[np.ndarray]
) -> None:
    """Write a layer as NetParameter holds it, the lengths of its pieces known before any of them is written."""
    plain = caffe_pb2.LayerParameter()
    plain.CopyFrom(layer)
    plain.ClearField("blobs")
    body = plain.SerializeToString()
    blobs = [_blob(*pair) for pair in zip_longest(arrays, diffs[: len(arrays)])]
    sizes = [sum(memoryview(piece).nbytes for piece in pieces) for pieces in blobs]
    file.write(LAYER + to_varint(len(body) + sum(len(BLOBS + to_varint(size)) + size for size in sizes)) + body)
    for pieces, size in zip(blobs, sizes, strict=True):
        file.write(BLOBS + to_varint(size))
        for piece in pieces:
            file.write(piece)


def _blob(data: np.ndarray, diff: np.ndarray | None) -> list[bytes | memoryview]:
    """A BlobProto, in pieces."""
    pieces: list[bytes | memoryview] = [
        caffe_pb2.BlobProto(shape=caffe_pb2.BlobShape(dim=data.shape)).SerializeToString()
    ]
    for field, array in ((DATA, data), (DIFF, diff)):
        if array is not None:
            pieces += [field + to_varint(4 * array.size), np.ascontiguousarray(array, "<f4").data]
    return pieces
