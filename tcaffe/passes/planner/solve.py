"""The planner: the cheapest search that reaches the lower bound, and how good the plan is known to be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from tcaffe.passes.planner.beam import Allowance, sweep
from tcaffe.passes.planner.exact import search
from tcaffe.passes.planner.greedy import Offsets, height, orders, place
from tcaffe.passes.planner.problem import Problem
from tcaffe.passes.planner.repair import repair

WIDTHS = (10, 30, 200)
BEAM_CHOICES = 120_000
"""Choices all beams together may look at: about half a second. Success does not grow with the width alone."""
GREEDY_WORK = 60_000_000
"""Pairs of buffers the greedy orders may look at before the best so far is taken: about two seconds."""
REPAIR_WORK = 10_000_000
OVERHEAD = 1000
"""Buffers the repair may look at, and how many are looked at in the time a step takes besides: about a second."""
SEARCH_STEPS = 4000
SEARCHED = 400
"""Steps of the full search, and up to how many buffers it is tried: a second or two."""
CAPACITY_EFFORT = 50
"""How much more of the full search somebody gets who asks for a capacity: about half a minute."""


@dataclass(frozen=True)
class Certificate:
    """What is known of a plan: that it is `optimal`, or how far above the lower bound it may be.

    `lower_bound` is the bytes live at the busiest time, or more where a complete search has proven that to be too few.
    """

    size: int
    lower_bound: int

    @property
    def optimal(self) -> bool:
        """Whether no plan can be smaller."""
        return self.size == self.lower_bound

    @property
    def gap(self) -> float:
        """How much larger than the lower bound the plan is, as a fraction of it."""
        return (self.size - self.lower_bound) / self.lower_bound if self.lower_bound else 0.0

    def __str__(self) -> str:
        return "optimal" if self.optimal else f"gap {100 * self.gap:.2g} %, not proven"


@dataclass(frozen=True)
class Placement:
    """An offset for every buffer by name, the bytes all of them take, and the certificate."""

    offsets: Mapping[str, int]
    size: int
    certificate: Certificate

    @property
    def lower_bound(self) -> int:
        """Bytes that no placement can do without."""
        return self.certificate.lower_bound


def plan(problem: Problem, *, capacity: int | None = None) -> Placement:
    """A placement for `problem`, the same on every run: greedy orders, beams under the bound, a repair, a full search.

    Each stage runs only if none before it reached the lower bound, or `capacity` where one is given and larger, and
    does a counted amount of work.
    """
    asked = capacity or 0
    cap, bound = max(problem.lower_bound, asked - asked % problem.alignment), problem.lower_bound
    best = _greedy(problem, cap)
    if height(problem, best) > cap:
        found = _beams(problem, cap)
        best = best if found is None else found
    if height(problem, best) > cap:
        best = repair(problem, best, cap, steps=REPAIR_WORK // (len(problem.buffers) + OVERHEAD))
    if height(problem, best) > cap and len(problem.buffers) <= SEARCHED:
        steps = SEARCH_STEPS * (1 if capacity is None else CAPACITY_EFFORT)
        best, bound = _searched(problem, best, cap, steps)
    return _placement(problem, best, bound)


def _greedy(problem: Problem, cap: int) -> Offsets:
    """The best of the portfolio, orders times fits, as far as it was tried until one was good enough."""
    best, top = np.zeros(len(problem.buffers), np.int64), sum(problem.sizes) + 1
    left = GREEDY_WORK
    for order, best_fit in product(orders(problem), (False, True)):
        if top <= cap or left < 0:
            break
        found = place(problem, order, best_fit=best_fit, limit=top)
        if found is not None:
            best, top = found, height(problem, found)
        left -= len(problem.buffers) ** 2
    return best


def _beams(problem: Problem, cap: int) -> Offsets | None:
    """The first beam that arrives; success does not grow with the width alone, so several are tried."""
    allowance = Allowance(BEAM_CHOICES)
    for width in WIDTHS:
        if (found := sweep(problem, cap, width, allowance)) is not None:
            return found
    return None


def _searched(problem: Problem, best: Offsets, cap: int, steps: int) -> tuple[Offsets, int]:
    """The better of `best` and what `steps` of full search find, and a proven bound.

    As long as it is proven that nothing fits under the cap, the cap is raised to the next height there can be: a
    multiple of what divides all sizes.
    """
    bound, grain = problem.lower_bound, math.gcd(*problem.sizes)
    while steps > 0 and cap < height(problem, best):
        outcome = search(problem, cap, steps=steps)
        if outcome.offsets is not None:
            return outcome.offsets, bound
        if not outcome.proven:
            break
        cap = bound = (cap // grain + 1) * grain
        steps -= outcome.steps
    return best, bound


def _placement(problem: Problem, offsets: Offsets, bound: int) -> Placement:
    size = height(problem, offsets)
    named = {b.name: offset for b, offset in zip(problem.buffers, offsets.tolist(), strict=True)}
    return Placement(named, size, Certificate(size, bound))
