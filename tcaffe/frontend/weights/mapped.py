"""Mapped files: bytes that are read only where they are looked at, and need not stay in memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

DROP = getattr(mmap, "MADV_DONTNEED", None)  # systems without it drop pages when they see fit
PIECE = 1 << 20  # elements copied at a time


def mapped(file: Path) -> memoryview:
    """The bytes of a file; raises OSError."""
    if not file.stat().st_size:
        return memoryview(b"")
    with file.open("rb") as opened:
        return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))


def taken(array: np.ndarray) -> np.ndarray:
    """`array`, or a copy where it shows a mapped file; the memory of the file is given back piece by piece.

    Whoever reads one array of a file after the other holds one of them at a time, and not the whole file.
    """
    file = _file_of(array)
    if file is None:
        return array
    source, copy = array.reshape(-1), np.empty(array.shape, array.dtype)
    pieces = copy.reshape(-1)
    start = source.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    for k in range(0, source.size, PIECE):
        pieces[k : k + PIECE] = source[k : k + PIECE]
        _drop(file, start + k * source.itemsize, start + min(k + PIECE, source.size) * source.itemsize)
    return copy


def _drop(file: mmap.mmap, start: int, end: int) -> None:
    """Tell the system that these bytes are not needed in memory; they are read again if they are looked at."""
    first = start - start % mmap.PAGESIZE
    if DROP is not None:
        file.madvise(DROP, first, end - first)


def _file_of(array: np.ndarray) -> mmap.mmap | None:
    """The mapped file an array shows."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base.obj if isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap) else None


class OneByOne(Mapping[str, np.ndarray]):
    """Arrays by name, each `taken` whenever it is asked for."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> np.ndarray:
        return taken(self._arrays[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
