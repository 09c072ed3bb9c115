"""Batches: any number of items cut to the size a net takes, and its outputs put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

Arrays = dict[str, np.ndarray]


def cut(items: Mapping[str, ArrayLike], size: int) -> Iterator[Arrays]:
    """`items` in parts of `size` along their first axes; the last part is filled up with zeros.

    Raises ValueError where there are not as many of one as of another.
    """
    arrays = {name: np.asarray(array) for name, array in items.items()}
    count = length(arrays)
    for start in range(0, count, size):
        part = {name: array[start : start + size] for name, array in arrays.items()}
        missing = start + size - count
        yield {name: _filled_up(array, missing) for name, array in part.items()} if missing > 0 else part


def length(items: Mapping[str, ArrayLike]) -> int:
    """The number of items; raises ValueError where it is not one."""
    counts = {name: np.shape(array)[0] if np.ndim(array) else 0 for name, array in items.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"as many items are needed of each: {', '.join(f'{n} of {k}' for k, n in counts.items())}")
    return next(iter(counts.values()), 0)


def _filled_up(array: np.ndarray, missing: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])


class Gathered:
    """The outputs of one pass after another, copied: those with items joined, those without one a pass."""

    def __init__(self) -> None:
        self._parts: dict[str, list[np.ndarray]] = {}

    def add(self, outputs: Mapping[str, np.ndarray]) -> None:
        """Take the outputs of a pass."""
        for name, array in outputs.items():
            self._parts.setdefault(name, []).append(np.array(array, ndmin=1))

    def joined(self, count: int, size: int) -> Arrays:
        """All of them, without what belongs to items beyond `count`, when each pass had `size`."""
        surplus = -count % size
        return {name: _without(np.concatenate(parts), surplus, count + surplus) for name, parts in self._parts.items()}


def _without(array: np.ndarray, surplus: int, items: int) -> np.ndarray:
    return array[: len(array) - surplus] if surplus and len(array) == items else array


