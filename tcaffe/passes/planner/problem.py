"""The problem: buffers with sizes and lifetimes that want offsets in one block of memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np


class Interval(Protocol):
    """Anything with a size in bytes and a lifetime [start, end)."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def start(self) -> int:
        """The first time it is needed."""
        ...

    @property
    def end(self) -> int:
        """The first time it is not needed any more."""
        ...


@dataclass(frozen=True, slots=True)
class Buffer:
    """`size` bytes needed from time `start` up to, not including, time `end`."""

    name: str
    size: int
    start: int
    end: int


@dataclass(frozen=True)
class Problem:
    """Buffers to place; offsets and sizes are multiples of `alignment` bytes. All sizes add up to less than 2**62."""

    buffers: tuple[Buffer, ...]
    alignment: int = 64

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The size of each buffer, rounded up to the alignment."""
        return tuple(-(-b.size // self.alignment) * self.alignment for b in self.buffers)

    @cached_property
    def lower_bound(self) -> int:
        """Bytes that are live at once, at the busiest time: no placement can do with fewer."""
        return lower_bound(self.buffers, self.alignment)

    @cached_property
    def columns(self) -> np.ndarray:
        """Sizes, starts and ends: int64 [3, buffers]."""
        starts, ends = ([getattr(b, time) for b in self.buffers] for time in ("start", "end"))
        return np.array([self.sizes, starts, ends], np.int64).reshape(3, -1)

    @cached_property
    def matter(self) -> np.ndarray:
        """The indices of the buffers that take bytes at some time, rising."""
        size, start, end = self.columns
        return np.flatnonzero((size > 0) & (end > start))

    @cached_property
    def loads(self) -> np.ndarray:
        """For each buffer the bytes live at the busiest time of its life: int64 [buffers]."""
        size, start, end = self.columns
        times = np.unique(self.columns[1:])
        born, dead = times.searchsorted(start), times.searchsorted(end)
        change = np.zeros(len(times) + 1, np.int64)
        np.add.at(change, born, size)
        np.subtract.at(change, dead, size)
        stretches = np.stack([born, np.maximum(dead, born)], 1).ravel()
        most = np.maximum.reduceat(change.cumsum(), stretches)[::2] if len(size) else size
        return np.where(end > start, most, 0)


def lower_bound(buffers: Iterable[Interval], alignment: int = 64) -> int:
    """Bytes that are live at once, at the busiest time, every size rounded up to `alignment`."""
    events: list[tuple[int, int]] = []
    for b in buffers:
        if b.size and b.end > b.start:
            size = -(-b.size // alignment) * alignment
            events += [(b.start, size), (b.end, -size)]
    live = most = 0
    for _, change in sorted(events):
        live += change
        most = max(most, live)
    return most
