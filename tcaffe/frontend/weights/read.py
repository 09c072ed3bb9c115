"""Weights from a file, whichever format its first bytes show."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from google.protobuf.message import DecodeError

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights import caffemodel, hdf5
from tcaffe.frontend.weights.blob import StoredBlob, StoredLayer
from tcaffe.frontend.weights.mapped import mapped
from tcaffe.frontend.weights.wire import WireError
from tcaffe.schema import caffe_pb2

SAMPLE = 64  # bytes that show whether a file is text
TEXT = bytes(range(32, 127)) + b"\t\r\n"


def read_weights(path: str | os.PathLike[str]) -> tuple[StoredLayer, ...]:
    """The layers that a `.caffemodel` or `.h5` file holds; arrays of the former are views of the mapped file.

    Several files are one after the other as far as matching is concerned. Raises CompileError: E0501 where the file
    cannot be read, E0502 where it is broken or no weights file, E0503 without h5py.
    """
    file = Path(path)
    data = _mapped(file)
    if bytes(data[: len(hdf5.SIGNATURE)]) == hdf5.SIGNATURE:
        layers = hdf5.read_layers(file)
    else:
        layers = _binary_layers(file, data)
    if not layers:
        raise _broken(file, data, "it holds no layers")
    return tuple(replace(layer, file=file.name) for layer in layers)


def read_binary_net(path: str | os.PathLike[str]) -> caffe_pb2.NetParameter:
    """The whole NetParameter of a binary file of any age, not upgraded; all numbers are in memory.

    For tools that write the file anew: `read_weights` reads weights. Raises CompileError as it does.
    """
    file = Path(path)
    data = _mapped(file)
    try:
        return caffe_pb2.NetParameter.FromString(bytes(data))
    except DecodeError as error:
        raise _broken(file, data, str(error)) from error


def read_blob(path: str | os.PathLike[str]) -> StoredBlob:
    """The array that a `.binaryproto` file holds, a view of the mapped file.

    Raises CompileError: E0501 where the file cannot be read, E0502 where it is broken.
    """
    file = Path(path)
    data = _mapped(file)
    try:
        blob = caffemodel.read_array(data)
    except WireError as error:
        raise _not_an_array(file, f"{error}, at byte {error.offset} of {len(data)}") from error
    if not blob.complete:
        raise _not_an_array(file, f"{blob.data.size} numbers for the shape {list(blob.shape)}")
    return blob


def _not_an_array(file: Path, why: str) -> CompileError:
    return CompileError([Diagnostic("E0502", f"`{file}` is no array (a binary BlobProto), or broken: {why}")])


def _mapped(file: Path) -> memoryview:
    """The bytes of a file, read only where they are looked at; raises CompileError."""
    try:
        if not file.exists():
            raise CompileError([Diagnostic("E0501", f"there is no file `{file}`")])
        if not file.is_file():  # a pipe would be waited for
            raise CompileError([Diagnostic("E0501", f"`{file}` is not a file")])
        return mapped(file)
    except (OSError, ValueError) as error:
        raise CompileError([Diagnostic("E0501", f"cannot read `{file}`: {error}")]) from error


def _binary_layers(file: Path, data: memoryview) -> list[StoredLayer]:
    try:
        return list(caffemodel.read_layers(data))
    except WireError as error:
        raise _broken(file, data, f"{error}, at byte {error.offset} of {len(data)}") from error


def _broken(file: Path, data: memoryview, why: str) -> CompileError:
    """The error for a file that is no weights file, with a guess at what it is."""
    note = ""
    if not len(data):
        note = "it is empty"
    elif not bytes(data[:SAMPLE]).translate(None, TEXT):
        note = "it is text: weights are binary; a download may have left a page or a pointer in place of the file"
    return CompileError([Diagnostic("E0502", f"`{file}` is no weights file, or broken: {why}", note=note)])
