"""Weights to a file, in either format: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights.atomic import write_whole
from tcaffe.frontend.weights.caffemodel import BLOB, CURRENT, NET, number
from tcaffe.frontend.weights.hdf5 import h5py
from tcaffe.frontend.weights.wire import BYTES, key, to_varint
from tcaffe.schema import caffe_pb2

Arrays = Mapping[str, Sequence[np.ndarray]]
LAYER, BLOBS, DATA = (key(number(*f), BYTES) for f in ((NET, "layer"), (CURRENT, "blobs"), (BLOB, "data")))


def write_caffemodel(path: str | os.PathLike[str], net: caffe_pb2.NetParameter, arrays: Arrays) -> None:
    """Write the layers of `net` with their parameters, by layer name, as float32.

    Numbers go from the array to the file: memory does not hold them twice. Raises OSError.
    """

    def fill(staging: Path) -> None:
        with staging.open("xb") as file:
            file.write(caffe_pb2.NetParameter(name=net.name).SerializeToString())
            for layer in net.layer:
                _write_layer(file, layer, arrays.get(layer.name, ()))

    write_whole(path, fill)


def write_hdf5(
    path: str | os.PathLike[str], layers: Sequence[str], arrays: Arrays, shared: Mapping[str, Set[int]]
) -> None:
    """Write a group for each of `layers`, with the parameters it owns; `shared` numbers those that are another's.

    Raises OSError, and CompileError without h5py (E0503) or for a name that cannot be a group (E0508).
    """

    def fill(staging: Path) -> None:
        with h5py(staging).File(staging, "x") as file:
            data = file.create_group("data")
            for name in dict.fromkeys(layers):
                _write_group(data, name, arrays.get(name, ()), shared.get(name, frozenset()))

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


def _write_layer(file: BinaryIO, layer: caffe_pb2.LayerParameter, arrays: Sequence[np.ndarray]) -> None:
    """Write a layer as NetParameter holds it, the lengths of its pieces known before any of them is written."""
    plain = caffe_pb2.LayerParameter()
    plain.CopyFrom(layer)
    plain.ClearField("blobs")
    body = plain.SerializeToString()
    blobs = [(_blob_head(array), array) for array in arrays]
    sizes = [len(head) + 4 * array.size for head, array in blobs]
    file.write(LAYER + to_varint(len(body) + sum(len(BLOBS + to_varint(size)) + size for size in sizes)) + body)
    for (head, array), size in zip(blobs, sizes, strict=True):
        file.write(BLOBS + to_varint(size) + head)
        file.write(np.ascontiguousarray(array, "<f4").data)


def _blob_head(array: np.ndarray) -> bytes:
    """A BlobProto up to its numbers."""
    shape = caffe_pb2.BlobProto(shape=caffe_pb2.BlobShape(dim=array.shape)).SerializeToString()
    return shape + DATA + to_varint(4 * array.size)
