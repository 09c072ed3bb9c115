"""Beam search over time: buffers are placed when they are born, against either end of a free gap, under a cap."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.passes.planner.greedy import Offsets
from tcaffe.passes.planner.problem import Problem

Live = tuple[tuple[int, int, int], ...]
"""What is placed and alive: (offset, end of its bytes, buffer), by offset."""


@dataclass(slots=True, eq=False)
class State:
    """One way to have placed the buffers born so far; `before` is the state it grew from."""

    live: Live
    before: State | None
    placed: tuple[int, int]


def sweep(problem: Problem, cap: int, width: int) -> Offsets | None:
    """Offsets that stay under `cap`, or None if the `width` best states of every step lead nowhere."""
    buffers, sizes = problem.buffers, problem.sizes
    matters = [i for i in range(len(buffers)) if _matters(problem, i)]
    order = sorted(matters, key=lambda i: (buffers[i].start, -sizes[i], i))
    beam = [State((), None, (-1, 0))]
    now = None
    for i in order:
        if buffers[i].start != now:
            now = buffers[i].start
            for state in beam:
                state.live = tuple(p for p in state.live if buffers[p[2]].end > now)
        grown: dict[Live, State] = {}
        for state in beam:
            for offset, at in _spots(state.live, sizes[i], cap):
                live = (*state.live[:at], (offset, offset + sizes[i], i), *state.live[at:])
                if live not in grown:
                    grown[live] = State(live, state, (i, offset))
        if not grown:
            return None
        beam = sorted(grown.values(), key=lambda s: _badness(s.live, cap, problem))[:width]
    return _offsets(beam[0], len(buffers))


def _matters(problem: Problem, i: int) -> bool:
    return problem.sizes[i] > 0 and problem.buffers[i].end > problem.buffers[i].start


def _spots(live: Live, size: int, cap: int) -> list[tuple[int, int]]:
    """Where `size` bytes fit: the low and the high end of every gap, as (offset, position among the live)."""
    spots = []
    top = 0
    for at, (low, high, _) in enumerate((*live, (cap, cap, -1))):
        if low - top >= size:
            spots.append((top, at))
            if low - top > size:
                spots.append((low - size, at))
        top = high
    return spots


def _badness(live: Live, cap: int, problem: Problem) -> tuple[float, ...]:
    """How broken up the free space is: many gaps are bad, most of all between buffers that die at different times."""
    gaps, largest, top, torn = 0, 0, 0, 0.0
    death = -1
    for low, high, i in (*live, (cap, cap, -1)):
        end = problem.buffers[i].end if i >= 0 else -1
        if low > top:
            gaps += 1
            largest = max(largest, low - top)
        elif death >= 0 and end >= 0:
            torn += abs(end - death)
        top, death = high, end
    return (gaps, torn, -largest)


def _offsets(state: State | None, count: int) -> Offsets:
    offsets = [0] * count
    while state is not None and state.before is not None:
        buffer, offset = state.placed
        offsets[buffer] = offset
        state = state.before
    return offsets
