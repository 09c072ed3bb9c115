"""HDF5 files as a stream of batches, one dataset a top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic

Shape = tuple[int, ...]


class Hdf5Batches:
    """The rows of all files that a list names, in order, cut into batches that run over file ends and start again.

    `source` is a text file of paths separated by white space, relative to the working directory. With `shuffle` the
    files are in random order, and so are the rows within each. Only the rows of one batch are in memory at a time.
    Raises CompileError (E0610) for what cannot be read.
    """

    def __init__(
        self, source: str | Path, tops: Sequence[str], batch: int, random: np.random.Generator | None = None
    ) -> None:
        self.tops, self.batch, self._random = tuple(tops), batch, random
        self._paths = _listed(source)
        self._rows = self._endless()
        with _open(self._paths[0], self.tops) as first:
            self.shapes: Mapping[str, Shape] = {top: (batch, *first[top].shape[1:]) for top in self.tops}

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return self

    def __next__(self) -> dict[str, np.ndarray]:
        """The next batch: a float32 array for each top."""
        arrays = {top: np.empty(shape, np.float32) for top, shape in self.shapes.items()}
        filled = 0
        while filled < self.batch:
            rows = self._take(self.batch - filled)
            count = len(rows[self.tops[0]])
            for top, array in arrays.items():
                found, wanted = rows[top].shape[1:], array.shape[1:]
                if found != wanted:
                    raise _error(f"dataset `{top}` has rows of {list(found)}, not {list(wanted)}")
                array[filled : filled + count] = rows[top]
            filled += count
        return arrays

    def _take(self, count: int) -> dict[str, np.ndarray]:
        """At most `count` rows, at least one, none of them from beyond the end of a file."""
        self._wanted = count
        return next(self._rows)

    def _endless(self) -> Iterator[dict[str, np.ndarray]]:
        while True:
            for path in self._shuffled(self._paths):
                with _open(path, self.tops) as file:
                    yield from self._of_file(file)

    def _of_file(self, file: Any) -> Iterator[dict[str, np.ndarray]]:
        rows = self._shuffled(range(file[self.tops[0]].shape[0]))
        start = 0
        while start < len(rows):
            chosen = rows[start : start + self._wanted]
            start += len(chosen)
            yield {top: _pick(file[top], chosen) for top in self.tops}

    def _shuffled(self, items: Sequence[Any]) -> Sequence[Any]:
        return items if self._random is None else [items[i] for i in self._random.permutation(len(items))]


def _pick(dataset: Any, rows: Sequence[int]) -> np.ndarray:
    if isinstance(rows, range):
        return np.asarray(dataset[rows.start : rows.stop])
    order = np.argsort(rows)  # HDF5 reads rows in ascending order only
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return np.asarray(dataset[np.asarray(rows)[order]])[back]


def _listed(source: str | Path) -> list[str]:
    """The paths that the list names."""
    try:
        paths = Path(source).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise _error(f"the list of HDF5 files {str(source)!r} cannot be read: {error}") from error
    if not paths:
        raise _error(f"{str(source)!r} names no HDF5 file")
    return paths


def _open(path: str, tops: Sequence[str]) -> Any:
    """The open file, every dataset checked."""
    try:
        file = _h5py().File(path, "r")
    except OSError as error:
        raise _error(f"{path!r} cannot be read as HDF5: {error}") from error
    try:
        _check(file, path, tops)
    except CompileError:
        file.close()
        raise
    return file


def _check(file: Any, path: str, tops: Sequence[str]) -> None:
    for top in tops:
        dataset = _dataset(file, top)
        if dataset is None:
            raise _error(f"{path!r} has no dataset `{top}` of its own", f"it has {', '.join(list(file)[:20])}")
        if not dataset.shape or dataset.dtype.kind not in "fiu":
            raise _error(f"dataset `{top}` of {path!r} is no list of rows of numbers")
    lengths = {file[top].shape[0] for top in tops}
    if len(lengths) > 1 or not min(lengths):
        raise _error(f"the datasets of {path!r} have {sorted(lengths)} rows: they should have equally many, and some")


def _dataset(file: Any, name: str) -> Any:
    """The dataset of that name if its bytes lie in this file: a link elsewhere could name any file there is."""
    h5py = _h5py()
    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        return None
    return None if file[name].external or file[name].is_virtual else file[name]


def _h5py() -> ModuleType:
    """The optional library, loaded when the first HDF5 file is opened."""
    try:
        import h5py
    except ImportError as error:
        raise _error("reading HDF5 files needs h5py", "pip install 'tcaffe[hdf5]'") from error
    module: ModuleType = h5py
    return module


def _error(message: str, note: str = "") -> CompileError:
    return CompileError([Diagnostic("E0610", message, note=note)])
