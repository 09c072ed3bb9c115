"""HDF5Data: the rows of HDF5 files, one dataset a top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tcaffe.data.feed import Arrays, Shape, Shard
from tcaffe.data.seeds import Random, Seeds
from tcaffe.diagnostics import CompileError, Diagnostic


class Hdf5Feed:
    """The rows of all files that a list names, in order, cut into batches that run over file ends and start again.

    The list is a text file of paths separated by white space, relative to the working directory. With `shuffle` the
    files are in random order, and so are the rows within each. Only the rows of one batch are in memory at a time.
    Raises CompileError (E0610) for what cannot be read.
    """

    def __init__(self, layer: Any, train: bool, random: Random, shard: Shard) -> None:
        p = layer.hdf5_data_param
        self.tops, self.position, self._size, self._shard = tuple(layer.top), 0, p.batch_size, shard
        self.seeds, self._shuffle = Seeds(random), p.shuffle
        self._paths = _listed(p.source)
        self._counts = np.array([self._count(path) for path in self._paths])
        with _open(self._paths[0], self.tops) as first:
            self.shapes: Mapping[str, Shape] = {top: (p.batch_size, *first[top].shape[1:]) for top in self.tops}
        self._kept: dict[str, tuple[tuple[int, ...], np.ndarray]] = {}
        self._file: tuple[int, Any] | None = None

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The next rows: a float32 array for each top."""
        self.seeds.renew()
        arrays = {top: np.empty(shape, np.float32) for top, shape in self.shapes.items()}
        numbers = (self.position + np.arange(self._size)) * self._shard.size + self._shard.rank
        filled = 0
        for number, rows in self._places(numbers):
            file = self._opened(number)
            for top, array in arrays.items():
                part = array[filled : filled + len(rows)]
                if file[top].shape[1:] != part.shape[1:]:
                    found, wanted = list(file[top].shape[1:]), list(part.shape[1:])
                    raise _error(f"dataset `{top}` of {self._paths[number]!r} has rows of {found}, not {wanted}")
                part[...] = _pick(file[top], rows)
            filled += len(rows)
        self.position += self._size
        return arrays

    def close(self) -> None:
        """Close the file that was read last."""
        if self._file:
            self._file[1].close()
            self._file = None

    def _places(self, numbers: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Where rows, numbered through all epochs, lie: file after file, and the rows in it."""
        epochs, inside = np.divmod(numbers, self._counts.sum())
        for epoch in dict.fromkeys(epochs.tolist()):
            order = self._order("files", len(self._paths), epoch)
            ends = np.cumsum(self._counts[order])
            of_epoch = inside[epochs == epoch]
            slots = np.searchsorted(ends, of_epoch, side="right")
            for slot in dict.fromkeys(slots.tolist()):
                file = int(order[slot])
                first = ends[slot] - self._counts[file]
                order_of_rows = self._order("rows", int(self._counts[file]), epoch, file)
                yield file, order_of_rows[of_epoch[slots == slot] - first]

    def _order(self, what: str, count: int, *place: int) -> np.ndarray:
        """The order of files in an epoch, or of the rows in one of them; the last is kept."""
        key = (self.seeds.seed, count, *place)
        if what not in self._kept or self._kept[what][0] != key:
            made = self.seeds.at(count, *place).permutation(count) if self._shuffle else np.arange(count)
            self._kept[what] = key, made
        return self._kept[what][1]

    def _count(self, path: str) -> int:
        with _open(path, self.tops) as file:
            return int(file[self.tops[0]].shape[0])

    def _opened(self, number: int) -> Any:
        """A file, which stays open until the next is needed."""
        if self._file is None or self._file[0] != number:
            self.close()
            self._file = number, _open(self._paths[number], self.tops)
        return self._file[1]


def _pick(dataset: Any, rows: np.ndarray) -> np.ndarray:
    """Some rows; HDF5 reads them in ascending order only."""
    if rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return np.asarray(dataset[rows[0] : rows[-1] + 1])
    chosen, back = np.unique(rows, return_inverse=True)
    return np.asarray(dataset[chosen])[back]


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
