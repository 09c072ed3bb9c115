"""Greedy placement: one buffer after the other, each into a gap between those placed before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from tcaffe.passes.planner.problem import Problem

Order = Sequence[int]
Offsets = list[int]


def orders(problem: Problem) -> Iterator[list[int]]:
    """Six orders to place buffers in, each good at what others are bad at; ties by position."""
    buffers, sizes = problem.buffers, problem.sizes
    life = [b.end - b.start for b in buffers]
    degree = [len(n) for n in problem.neighbours]
    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-sizes[i], -life[i]),
        lambda i: (-sizes[i] * life[i],),
        lambda i: (buffers[i].start, -sizes[i]),
        lambda i: (-life[i], -sizes[i]),
        lambda i: (-degree[i], -sizes[i]),
        lambda i: (-buffers[i].end, -sizes[i]),
    )
    for key in keys:
        yield sorted(range(len(buffers)), key=lambda i: (*key(i), i))


def place(problem: Problem, order: Iterable[int], *, best_fit: bool = False) -> Offsets:
    """An offset for each buffer, placing in `order` at the lowest fitting gap, or the tightest one if `best_fit`."""
    sizes, neighbours = problem.sizes, problem.neighbours
    offsets = [-1] * len(sizes)
    for i in order:
        taken = sorted((offsets[j], offsets[j] + sizes[j]) for j in neighbours[i] if offsets[j] >= 0)
        offsets[i] = _tightest(taken, sizes[i]) if best_fit else _lowest(taken, sizes[i])
    return offsets


def _lowest(taken: list[tuple[int, int]], size: int) -> int:
    """The lowest offset at which `size` bytes are free."""
    top = 0
    for low, high in taken:
        if low - top >= size:
            return top
        if high > top:
            top = high
    return top


def _tightest(taken: list[tuple[int, int]], size: int) -> int:
    """The start of the smallest gap that holds `size` bytes; above everything if none does."""
    top, best, room = 0, -1, 0
    for low, high in taken:
        gap = low - top
        if gap >= size and (best < 0 or gap < room):
            best, room = top, gap
        top = max(top, high)
    return best if best >= 0 else top


def height(problem: Problem, offsets: Offsets) -> int:
    """Bytes from 0 to the end of the highest buffer."""
    return max((o + s for o, s in zip(offsets, problem.sizes, strict=True)), default=0)
