"""Climbing: greedy placement again and again, each time in an order that cares more for what did not fit."""

from __future__ import annotations

import random

from tcaffe.passes.planner.greedy import Offsets, height, place
from tcaffe.passes.planner.problem import Problem


def climb(problem: Problem, start: list[int], cap: int, *, rounds: int, seed: int = 0) -> tuple[int, Offsets]:
    """The lowest placement found from the order `start`, and its height; stops as soon as it is within `cap`.

    What sticks out above the best height so far moves forward in the order by a random stride (squeaky wheels get the
    grease); a round that makes things worse is kept now and then, so that the climb leaves small hills.
    """
    rng = random.Random(seed)
    order = list(start)
    best = place(problem, order)
    lowest = current = height(problem, best)
    for _ in range(rounds):
        if lowest <= cap:
            break
        trial = _disturbed(problem, order, best, max(cap, lowest - problem.alignment), rng)
        offsets = place(problem, trial)
        top = height(problem, offsets)
        if top <= current or rng.random() < 0.02:
            order, current = trial, top
        if top < lowest:
            lowest, best = top, offsets
    return lowest, best


def _disturbed(problem: Problem, order: list[int], offsets: Offsets, cap: int, rng: random.Random) -> list[int]:
    """`order` with one buffer moved forward: mostly one that sticks out, or that stands below one."""
    above = [i for i in order if offsets[i] + problem.sizes[i] > cap]
    chosen = rng.choice(above) if above and rng.random() < 0.5 else rng.choice(order)
    at = order.index(chosen)
    to = rng.randrange(at) if at else rng.randrange(len(order))
    trial = order[:at] + order[at + 1 :]
    trial.insert(to, chosen)
    return trial
