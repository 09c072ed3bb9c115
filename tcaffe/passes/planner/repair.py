"""Repair: what sticks out above a lower cap is put back in, and what it pushes out is put back in after it."""

from __future__ import annotations

import random

import numpy as np

from tcaffe.passes.planner.greedy import Offsets, height
from tcaffe.passes.planner.problem import Problem

CLOSE = 1000
"""The cap is tried once the height is within this fraction of it, one part in a thousand; before that the middle."""
FINENESS = 1_000_000
"""The weight of the bulkiest buffer. Weights are whole numbers, so that every machine finds the same equal."""


def repair(problem: Problem, offsets: Offsets, cap: int, *, steps: int, seed: int = 0) -> Offsets:
    """The lowest placement that `steps` lead to from `offsets`; stops as soon as it is within `cap`.

    It comes down by halves, so that there is something better than before even where `cap` cannot be reached.
    """
    repairer = Repairer(problem, steps, seed)
    failed = cap
    while repairer.steps > 0 and (top := height(problem, offsets)) > cap:
        near = top - cap <= cap // CLOSE
        middle = (failed + top) // 2
        goal = cap if near else middle - middle % problem.alignment
        if not near and goal <= failed:
            break
        found = repairer.run(offsets, goal, repairer.steps if near else repairer.steps // 3 + 1)
        if found is not None:
            offsets = found
        elif near:
            break
        else:
            failed = goal
    return offsets


class Repairer:
    """What is learned while repairing: how hard each buffer is to place."""

    def __init__(self, problem: Problem, steps: int, seed: int) -> None:
        self.problem, self.steps = problem, steps
        self.size, self.start, self.end = problem.columns
        self.rng = random.Random(seed)
        bulk = self.size * np.sqrt(np.maximum(self.end - self.start, 0))
        self.bulk = 1 + (FINENESS * bulk / bulk.max(initial=1)).astype(np.int64)
        self.weight = self.bulk.copy()

    def run(self, offsets: Offsets, cap: int, share: int) -> Offsets | None:
        """Offsets under `cap`, found in at most `share` steps, or None.

        A step takes the heaviest buffer that has no place and puts it where what it covers weighs least; that is taken
        out and waits in turn. Whoever pushes others out gets heavier, so that no two push each other out for ever.
        """
        offsets, sizes = offsets.copy(), self.size.tolist()
        inside = np.zeros(len(offsets), bool)
        inside[self.problem.matter] = True
        inside &= offsets + self.size <= cap
        waiting = [i for i in self.problem.matter.tolist() if not inside[i]]
        for _ in range(share):
            if not waiting:
                return offsets
            self.steps -= 1
            i = waiting.pop(int(self.weight[waiting].argmax()))
            beside = np.flatnonzero(inside & (self.start < self.end[i]) & (self.end > self.start[i]))
            low = offsets[beside]
            high = low + self.size[beside]
            offset = self._lightest(low, high, self.weight[beside], sizes[i], cap)
            covered = beside[(low < offset + sizes[i]) & (high > offset)]
            offsets[i], inside[i], inside[covered] = offset, True, False
            if len(covered):
                self.weight[i] += self.bulk[i]
                waiting += covered.tolist()
        return None

    def _lightest(self, low: np.ndarray, high: np.ndarray, weight: np.ndarray, size: int, cap: int) -> int:
        """Where `size` bytes cover the least weight: at either end of what there is, at random among equals."""
        places = np.concatenate([[0, cap - size], high, low - size])
        places = places[(places >= 0) & (places <= cap - size)]
        by_low, by_high = low.argsort(kind="stable"), high.argsort(kind="stable")
        begun = np.concatenate([[0], weight[by_low].cumsum()])
        ended = np.concatenate([[0], weight[by_high].cumsum()])
        covered = begun[low[by_low].searchsorted(places + size)] - ended[high[by_high].searchsorted(places, "right")]
        equal = np.flatnonzero(covered == covered.min())
        return int(places[equal[self.rng.randrange(len(equal))]])
