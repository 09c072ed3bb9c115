"""Weights in HDF5: one group a layer under `data`, one dataset a parameter, called by its number.

Only what lies in the file itself is read: links and datasets that name other files could name any file there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights.blob import StoredBlob, StoredLayer

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_GROUPS = 100_000
MAX_BLOBS = 1024  # of one layer
MAX_RATIO = 1032  # bytes that a byte of a compressed file can stand for


def h5py(path: Path) -> ModuleType:
    """The optional library, loaded when a file is; raises CompileError where it is not installed."""
    try:
        import h5py as library
    except ImportError as error:
        note = "pip install 'tcaffe[hdf5]'"
        raise CompileError([Diagnostic("E0503", f"`{path}` is an HDF5 file, which needs h5py", note=note)]) from error
    module: ModuleType = library
    return module


def read_layers(path: Path) -> list[StoredLayer]:
    """The layers of a file; raises CompileError (E0502, E0503)."""
    library = h5py(path)
    try:
        with library.File(path, "r") as file:
            return list(_Reader(library, path.stat().st_size).layers(file))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # what h5py makes of a broken file
        raise CompileError([Diagnostic("E0502", f"`{path}` is a broken HDF5 file: {error}")]) from error


class _Reader:
    """Walks the groups of one file; `budget` is how many bytes of numbers may still come out of it."""

    def __init__(self, library: ModuleType, size: int) -> None:
        self._library = library
        self._seen: set[Any] = set()
        self._budget = size * MAX_RATIO

    def layers(self, file: Any) -> Iterator[StoredLayer]:
        """The layers of all groups under `data`: names may hold slashes, which HDF5 turns into groups inside groups."""
        pending = [("", data)] if (data := self._own(file, "data")) is not None else []
        while pending:
            name, group = pending.pop()
            if group in self._seen:
                continue
            self._seen.add(group)
            inside = [(key, item) for key in group if (item := self._own(group, key)) is not None]
            groups = [(key, item) for key, item in inside if isinstance(item, self._library.Group)]
            if len(pending) + len(groups) + len(self._seen) > MAX_GROUPS:
                raise ValueError(f"more than {MAX_GROUPS} groups")
            blobs = self._blobs(name, [(key, item) for key, item in inside if isinstance(item, self._library.Dataset)])
            if name and (blobs or not groups):
                yield StoredLayer(name, blobs)
            pending += [(f"{name}/{key}" if name else key, item) for key, item in reversed(groups)]

    def _own(self, group: Any, name: str) -> Any:
        """What a name in a group stands for, None if that is not in the group for good."""
        return group[name] if isinstance(group.get(name, getlink=True), self._library.HardLink) else None

    def _blobs(self, layer: str, datasets: list[tuple[str, Any]]) -> tuple[StoredBlob | None, ...]:
        numbered = {int(key): item for key, item in datasets if key.isascii() and key.isdecimal() and len(key) < 10}
        count = max(numbered, default=-1) + 1
        if count > MAX_BLOBS:
            raise ValueError(f"layer `{layer}` has a parameter with the number {count - 1}")
        return tuple(self._blob(numbered[i]) if i in numbered else None for i in range(count))

    def _blob(self, dataset: Any) -> StoredBlob:
        if dataset.dtype.kind not in "fiu" or dataset.shape is None:
            raise ValueError(f"dataset {dataset.name} holds no numbers")
        if dataset.external or dataset.is_virtual:
            raise ValueError(f"dataset {dataset.name} has its numbers in another file")
        self._budget -= dataset.nbytes
        if self._budget < 0 or dataset.nbytes > dataset.id.get_storage_size() * MAX_RATIO:
            raise ValueError(f"dataset {dataset.name} claims {dataset.nbytes} bytes, which it cannot have")
        return StoredBlob(tuple(dataset.shape), np.asarray(dataset).reshape(-1))
