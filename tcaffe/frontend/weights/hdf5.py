"""Weights in HDF5: one group a layer under `data`, one dataset a parameter, called by its number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights.blob import StoredBlob, StoredLayer

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_BLOBS = 1024  # of one layer


def open_hdf5(path: Path, mode: str) -> Any:
    """An h5py file; raises CompileError where h5py is not installed or the file is not HDF5."""
    try:
        import h5py  # an optional extra
    except ImportError as error:
        note = "pip install tcaffe[hdf5]"
        raise CompileError([Diagnostic("E0503", f"{path} is an HDF5 file, which needs h5py", note=note)]) from error
    try:
        return h5py.File(path, mode)
    except OSError as error:
        raise CompileError([Diagnostic("E0502", f"cannot open {path} as HDF5: {error}")]) from error


def read_layers(path: Path) -> Iterator[StoredLayer]:
    """The layers of a file; names may hold slashes, which HDF5 turns into groups inside groups."""
    with open_hdf5(path, "r") as file:
        if "data" in file:
            yield from _layers(file["data"], "")


def _layers(group: Any, prefix: str) -> Iterator[StoredLayer]:
    numbered = {int(k): v for k, v in group.items() if k.isascii() and k.isdecimal() and hasattr(v, "dtype")}
    if prefix and (numbered or not len(group)):
        count = max(numbered, default=-1) + 1
        if count > MAX_BLOBS:
            raise CompileError([Diagnostic("E0502", f"layer `{prefix}` has a parameter with the number {count - 1}")])
        yield StoredLayer(prefix, tuple(_blob(numbered[i]) if i in numbered else None for i in range(count)))
    for name, inner in group.items():
        if not hasattr(inner, "dtype"):
            yield from _layers(inner, f"{prefix}/{name}" if prefix else name)


def _blob(dataset: Any) -> StoredBlob:
    if dataset.dtype.kind not in "fiu":
        raise CompileError([Diagnostic("E0502", f"dataset {dataset.name} holds {dataset.dtype}, not numbers")])
    if dataset.nbytes > dataset.file.id.get_filesize() * 1024:
        raise CompileError([Diagnostic("E0502", f"dataset {dataset.name} claims {dataset.nbytes} bytes")])
    return StoredBlob(tuple(dataset.shape), np.asarray(dataset).reshape(-1))
