"""Beam search over time: buffers are placed when they are born, against either end of a free gap, under a cap."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tcaffe.passes.planner.greedy import Offsets
from tcaffe.passes.planner.problem import Problem

Choice = tuple[int, int, int, int, int, int]
"""A way to go on: how many gaps it leaves, how torn they are, less the largest gap; state, offset, gap."""
Trace = tuple[int, int, "Trace | None"]
"""A buffer, its offset, and what was placed before it."""


@dataclass(slots=True, eq=False)
class State:
    """One way to have placed the buffers born so far.

    `gaps` are the free stretches, by offset; `at` tells where each live buffer lies, `above` and `below` which one
    begins and which one ends at an offset. `torn` adds up how far apart those die that touch each other, and `mark`
    is alike for states alike: the sum of a hash for each live buffer and its offset.
    """

    gaps: list[tuple[int, int]]
    at: dict[int, int] = field(default_factory=dict)
    above: dict[int, int] = field(default_factory=dict)
    below: dict[int, int] = field(default_factory=dict)
    torn: int = 0
    mark: int = 0
    trace: Trace | None = None


@dataclass
class Allowance:
    """How many choices searches may still look at, all of them together."""

    left: int


def sweep(problem: Problem, cap: int, width: int, allowance: Allowance) -> Offsets | None:
    """Offsets that stay under `cap`, or None if the `width` best states of every step lead nowhere."""
    return Sweep(problem, cap, width).run(allowance)


class Sweep:
    """One search, from the first birth to the last."""

    def __init__(self, problem: Problem, cap: int, width: int) -> None:
        self.problem, self.width = problem, width
        self.sizes, self.starts, self.ends = problem.columns.tolist()
        self.beam = [State([(0, cap)])]

    def run(self, allowance: Allowance) -> Offsets | None:
        """Place every buffer when it is born, the largest first; None if that fails or takes more than `allowance`."""
        matter = self.problem.matter.tolist()
        deaths = sorted(matter, key=lambda i: -self.ends[i])
        for i in sorted(matter, key=lambda i: (self.starts[i], -self.sizes[i], i)):
            dead = []
            while self.ends[deaths[-1]] <= self.starts[i]:
                dead.append(deaths.pop())
            for state in self.beam if dead else ():
                self._bury(state, dead)
            choices = [choice for k in range(len(self.beam)) for choice in self._choices(k, i)]
            allowance.left -= len(choices)
            if not choices or allowance.left < 0:
                return None
            self.beam = self._grown(i, sorted(choices))
        offsets = np.zeros(len(self.sizes), np.int64)
        trace = self.beam[0].trace
        while trace is not None:
            i, offsets[i], trace = trace
        return offsets

    def _choices(self, k: int, i: int) -> list[Choice]:
        """Where state number k can take buffer i: the low and the high end of every gap, unless they are the same.

        How broken up the free space gets decides: many gaps are bad, most of all between buffers that die at
        different times.
        """
        state, size, end, ends = self.beam[k], self.sizes[i], self.ends[i], self.ends
        rooms = sorted([high - low for low, high in state.gaps], reverse=True)
        largest, second = (*rooms, 0, 0)[:2]
        found = []
        for g, (low, high) in enumerate(state.gaps):
            left = high - low - size
            if left < 0:
                continue
            rest = -max(second, left) if left + size == largest else -largest
            under, over = state.below.get(low), state.above.get(high)
            torn = state.torn + (0 if under is None else abs(ends[under] - end))
            torn_over = 0 if over is None else abs(ends[over] - end)
            if not left:
                found.append((len(state.gaps) - 1, torn + torn_over, rest, k, low, g))
            else:
                found.append((len(state.gaps), torn, rest, k, low, g))
                found.append((len(state.gaps), state.torn + torn_over, rest, k, high - size, g))
        return found

    def _grown(self, i: int, choices: list[Choice]) -> list[State]:
        """The states that the best choices lead to, each once."""
        grown: dict[int, State] = {}
        for _, torn, _, k, offset, g in choices:
            mark = self.beam[k].mark + hash((i, offset))
            if mark not in grown:
                grown[mark] = self._placed(self.beam[k], i, offset, g, torn, mark)
                if len(grown) == self.width:
                    break
        return list(grown.values())

    def _placed(self, old: State, i: int, offset: int, g: int, torn: int, mark: int) -> State:
        top = offset + self.sizes[i]
        low, high = old.gaps[g]
        rests = [gap for gap in ((low, offset), (top, high)) if gap[0] < gap[1]]
        gaps = [*old.gaps[:g], *rests, *old.gaps[g + 1 :]]
        at, above, below = old.at | {i: offset}, old.above | {offset: i}, old.below | {top: i}
        return State(gaps, at, above, below, torn, mark, (i, offset, old.trace))

    def _bury(self, state: State, dead: list[int]) -> None:
        """Take buffers out of a state."""
        for i in dead:
            offset = state.at.pop(i)
            top = offset + self.sizes[i]
            del state.above[offset], state.below[top]
            for neighbour in (state.below.get(offset), state.above.get(top)):
                if neighbour is not None:
                    state.torn -= abs(self.ends[neighbour] - self.ends[i])
            state.mark -= hash((i, offset))
            state.gaps.append((offset, top))
        state.gaps = _joined(state.gaps)


def _joined(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Gaps by offset, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(gaps):
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined
