"""The problem: buffers with sizes and lifetimes that want offsets in one block of memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol


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
    """Buffers to place; offsets and sizes are multiples of `alignment` bytes."""

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
    def loads(self) -> tuple[int, ...]:
        """For each buffer the bytes live at the busiest time of its life."""
        times = sorted({b.start for b in self.buffers})
        sizes = list(zip(self.buffers, self.sizes, strict=True))
        live = {t: sum(s for b, s in sizes if b.start <= t < b.end) for t in times}
        return tuple(max((live[t] for t in times if b.start <= t < b.end), default=0) for b in self.buffers)

    @cached_property
    def neighbours(self) -> list[list[int]]:
        """For each buffer the indices of those it shares time with."""
        order = sorted(range(len(self.buffers)), key=lambda i: self.buffers[i].start)
        found: list[list[int]] = [[] for _ in self.buffers]
        live: list[int] = []
        for i in order:
            b = self.buffers[i]
            live = [j for j in live if self.buffers[j].end > b.start]
            if b.end > b.start:
                for j in live:
                    found[i].append(j)
                    found[j].append(i)
                live.append(i)
        return found


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
