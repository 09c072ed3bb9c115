"""The planner: the cheapest search that reaches the lower bound, and how good the plan is known to be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tcaffe.passes.planner.beam import sweep
from tcaffe.passes.planner.climb import climb
from tcaffe.passes.planner.exact import search
from tcaffe.passes.planner.greedy import Offsets, height, orders, place
from tcaffe.passes.planner.problem import Problem

WIDTHS = (30, 200, 1000)
CLIMB_WORK = 1_000_000
"""Pairs of neighbours the climb may look at, and placements it may try: a second or two."""
MAX_ROUNDS = 3000
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


def plan(problem: Problem, *, capacity: int | None = None, effort: int = 1) -> Placement:
    """A placement for `problem`, the same on every run: greedy orders, a beam under the bound, a climb, a full search.

    Each stage runs only if none before it reached the lower bound, or `capacity` where one is given and larger.
    `effort` multiplies the work of the climb and of the search.
    """
    cap = max(problem.lower_bound, capacity or 0)
    best = min(_greedy(problem, cap), key=lambda o: height(problem, o))
    if height(problem, best) > cap:
        best = _beams(problem, cap) or best
    if height(problem, best) > cap:
        best = _climbed(problem, best, cap, effort)
    bound = problem.lower_bound
    if height(problem, best) > cap and len(problem.buffers) <= SEARCHED:
        steps = SEARCH_STEPS * effort * (1 if capacity is None else CAPACITY_EFFORT)
        best, bound = _searched(problem, best, cap, steps)
    return _placement(problem, best, bound)


def _greedy(problem: Problem, cap: int) -> list[Offsets]:
    """The portfolio: orders times fits, until one is good enough."""
    found = []
    for order in orders(problem):
        for best_fit in (False, True):
            found.append(place(problem, order, best_fit=best_fit))
            if height(problem, found[-1]) <= cap:
                return found[-1:]
    return found


def _beams(problem: Problem, cap: int) -> Offsets | None:
    """The first beam that arrives; success does not grow with the width alone, so several are tried."""
    for width in WIDTHS:
        if (found := sweep(problem, cap, width)) is not None:
            return found
    return None


def _climbed(problem: Problem, best: Offsets, cap: int, effort: int) -> Offsets:
    """The better of `best` and where a climb from the best order leads."""
    pairs = sum(map(len, problem.neighbours)) or 1
    start = min(orders(problem), key=lambda order: height(problem, place(problem, order)))
    top, offsets = climb(problem, start, cap, rounds=effort * min(MAX_ROUNDS, max(1, CLIMB_WORK // pairs)))
    return offsets if top < height(problem, best) else best


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
    named = {b.name: offset for b, offset in zip(problem.buffers, offsets, strict=True)}
    return Placement(named, size, Certificate(size, bound))
