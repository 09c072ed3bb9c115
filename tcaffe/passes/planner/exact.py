"""Exact search: canonical placements, one by one, with all that can be inferred in between.

In a canonical placement every buffer rests on the ground or on another one, and buffers are placed by rising offset.
The idea, with its inference over stretches of time, is that of MiniMalloc (Moffitt, ASPLOS 2023); here it works
on arrays: one step looks at all buffers and stretches at once. Buffers that share no time with the rest are a search
of their own, which is never repeated because another one failed.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np

from tcaffe.passes.planner.greedy import Offsets
from tcaffe.passes.planner.problem import Problem

NOTHING = np.int64(1) << 60
NOISE = (0.0, 0.02, 0.1, 0.3, 1.0)
FIRST_STEPS = 4000
RETRY_STEPS = 1500
"""Steps of a search in a plain order, and of one in a disturbed order, before it starts over."""


class OutOfStepsError(Exception):
    """The search has used up its steps."""


@dataclass(frozen=True)
class Outcome:
    """What a search found: offsets, or the proof that there are none, or neither; and the steps it took."""

    offsets: Offsets | None
    proven: bool
    steps: int


def search(problem: Problem, cap: int, *, steps: int, seed: int = 0) -> Outcome:
    """Offsets under `cap`, by searches that start over in another order whenever one has used its share of `steps`.

    The shares grow, so that a lucky order is found soon and a complete search comes in the end.
    """
    rng = random.Random(seed)
    used = attempt = 0
    while used < steps:
        share = min(steps - used, FIRST_STEPS if attempt < 4 else RETRY_STEPS << min(attempt // 100, 12))
        one = Search(problem, cap, _priorities(problem, attempt, rng), share)
        outcome = one.run()
        used += outcome.steps
        if outcome.offsets is not None or outcome.proven:
            return Outcome(outcome.offsets, outcome.proven, used)
        attempt += 1
    return Outcome(None, False, used)


def _priorities(problem: Problem, attempt: int, rng: random.Random) -> list[int]:
    """An order of the buffers by total load, area and lifetime in turn, with ever more noise."""
    buffers, sizes = problem.buffers, problem.sizes
    life = [b.end - b.start for b in buffers]
    area = [s * n for s, n in zip(sizes, life, strict=True)]
    load = problem.loads.tolist()
    ranks = ((load, life, area), (load, area, life), (life, area, load), (area, life, load))[attempt % 4]
    noise = NOISE[attempt // 4 % len(NOISE)]

    def key(i: int) -> tuple[float, ...]:
        return (*(-rank[i] * (1 + noise * (rng.random() - 0.5)) for rank in ranks), i)

    return sorted(range(len(buffers)), key=key)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Part of a placement: for each stretch of time the `floor` and the bytes to come, `rest`; and who is `waiting`.

    No buffer may lie lower than `last`, the offset of the buffer placed before, which was the one called `before`.
    """

    floor: np.ndarray
    rest: np.ndarray
    waiting: np.ndarray
    last: int = 0
    before: int = -1


class Search:
    """One depth-first search; buffers are numbered by the order in which they are tried."""

    def __init__(self, problem: Problem, cap: int, order: list[int], steps: int) -> None:
        self.cap, self.left, self.steps, self.order = cap, steps, steps, order
        cuts = sorted({b.start for b in problem.buffers})
        self.size = np.array([problem.sizes[i] for i in order], np.int64)
        starts = [problem.buffers[i].start for i in order]
        ends = [problem.buffers[i].end for i in order]
        self.low = np.searchsorted(cuts, starts)
        self.high = np.searchsorted(cuts, ends)
        stretch = np.arange(len(cuts))
        self.covers = (stretch >= self.low[:, None]) & (stretch < self.high[:, None])
        self.absent = np.where(self.covers, 0, NOTHING)
        self.offsets = np.zeros(len(order), np.int64)

    def run(self) -> Outcome:
        """Search until there is an answer or no step left."""
        rest = (self.covers * self.size[:, None]).sum(0)
        waiting = (self.size > 0) & (self.high > self.low)
        try:
            found = self._answer(State(np.zeros_like(rest), rest, waiting))
        except OutOfStepsError:
            return Outcome(None, False, self.steps)
        if not found:
            return Outcome(None, True, self.steps - self.left)
        offsets = np.zeros(len(self.order), np.int64)
        offsets[self.order] = self.offsets
        return Outcome(offsets, False, self.steps - self.left)

    def _answer(self, state: State) -> bool:
        """Whether all that waits in `state` can be placed.

        `_solve` asks by yielding states and is sent the answers. The stack of those that wait for one is kept here,
        not by Python's calls, since a plan may be thousands of buffers deep.
        """
        stack = [self._solve(state)]
        answer: bool | None = None  # what a search that has just begun is sent
        while stack:
            try:
                asked = stack[-1].send(answer)  # type: ignore[arg-type]
            except StopIteration as done:
                stack.pop()
                answer = done.value
            else:
                stack.append(self._solve(asked))
                answer = None
        return bool(answer)

    def _solve(self, state: State) -> Generator[State, bool, bool]:
        """Place everything that waits in `state`."""
        if self.left <= 0:
            raise OutOfStepsError
        self.left -= 1
        if not state.waiting.any():
            return True
        inferred = self._infer(state)
        if inferred is None:
            return False
        numbers, at, floor = inferred
        parts = self._parts(numbers)
        if len(parts) > 1:
            for part in sorted(parts, key=len):
                if not (yield replace(state, floor=floor, waiting=self._only(part))):
                    return False
            return True
        lowest_top = int((at + self.size[numbers]).min())
        for offset, k in zip(at.tolist(), numbers.tolist(), strict=True):
            if offset >= lowest_top or (offset == state.last and k < state.before):
                continue  # something else fits below it, or the same was tried in another order
            following = self._placed(state, floor, k, offset)
            if following is None:
                continue
            if (yield following):
                self.offsets[k] = offset
                return True
            if not following.rest[self.low[k] : self.high[k]].any():
                break  # nothing would lie on it: if this fails, it is not because of where it lies
        return False

    def _placed(self, state: State, floor: np.ndarray, k: int, offset: int) -> State | None:
        """The state with buffer k at `offset`; None if what is to come does not fit above it."""
        where = slice(self.low[k], self.high[k])
        floor, rest, waiting = floor.copy(), state.rest.copy(), state.waiting.copy()
        floor[where] = offset + self.size[k]
        rest[where] -= self.size[k]
        waiting[k] = False
        fits = (floor[where] + rest[where] <= self.cap).all()
        return State(floor, rest, waiting, offset, k) if fits else None

    def _infer(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Who waits, how low each can lie, and how low the free space begins; None if that is more than the cap.

        Where nothing can lie low, the floor may rise to where something can, which lifts what stretches over it.
        """
        numbers, floor = np.flatnonzero(state.waiting), state.floor
        covers, absent = self.covers[numbers], self.absent[numbers]
        while True:
            at = np.maximum(np.where(covers, floor, 0).max(1), state.last)
            lowest = (absent + at[:, None]).min(0)
            risen = np.where(lowest < NOTHING, np.maximum(floor, lowest), floor)
            if (risen == floor).all():
                return (numbers, at, floor) if (at + self.size[numbers] <= self.cap).all() else None
            floor = risen
            if (floor + state.rest > self.cap).any():
                return None

    def _parts(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Groups of buffers that share no time with each other."""
        by_time = numbers[np.argsort(self.low[numbers], kind="stable")]
        reach = np.maximum.accumulate(self.high[by_time])
        cuts = np.flatnonzero(self.low[by_time][1:] >= reach[:-1]) + 1
        return np.split(by_time, cuts)

    def _only(self, numbers: np.ndarray) -> np.ndarray:
        chosen = np.zeros(len(self.size), bool)
        chosen[numbers] = True
        return chosen
