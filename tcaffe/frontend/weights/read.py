"""Weights from a file, whichever format its first bytes show."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights import caffemodel, hdf5
from tcaffe.frontend.weights.blob import StoredLayer
from tcaffe.frontend.weights.wire import WireError


def read_weights(path: str | os.PathLike[str]) -> tuple[StoredLayer, ...]:
    """The layers that a `.caffemodel` or `.h5` file holds; arrays of the former are views of the mapped file.

    Raises CompileError: E0501 where the file cannot be read, E0502 where it is broken, E0503 without h5py.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            start = stream.read(len(hdf5.SIGNATURE))
            size = os.fstat(stream.fileno()).st_size
        if start == hdf5.SIGNATURE:
            return tuple(hdf5.read_layers(file))
        data = np.memmap(file, np.uint8, "r").data if size else memoryview(b"")
    except (OSError, ValueError) as error:
        raise CompileError([Diagnostic("E0501", f"cannot read weights: {error}")]) from error
    try:
        return tuple(caffemodel.read_layers(data))
    except WireError as error:
        note = f"byte {error.offset} of {len(data)}"
        raise CompileError([Diagnostic("E0502", f"{file} is no .caffemodel, or broken: {error}", note=note)]) from error
