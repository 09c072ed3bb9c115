"""Repair: from any placement to one no higher, still sound, with bounded work."""

from __future__ import annotations

import random
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings

from tcaffe.passes.planner import Buffer, Problem, check, plan
from tcaffe.passes.planner.greedy import Offsets, height
from tcaffe.passes.planner.repair import repair
from tests.passes.planner.instances import problems


def stacked(problem: Problem) -> Offsets:
    """One buffer above the other."""
    return np.array([0, *accumulate(problem.sizes)][:-1], np.int64)


@given(problems())
@settings(max_examples=150, deadline=None)
def test_a_placement_gets_no_higher_and_stays_sound(problem: Problem) -> None:
    before = stacked(problem)
    found = repair(problem, before, problem.lower_bound, steps=200)
    check(problem, {b.name: int(offset) for b, offset in zip(problem.buffers, found, strict=True)})
    assert problem.lower_bound <= height(problem, found) <= height(problem, before)


def test_the_worst_placement_of_a_net_comes_down_to_the_bound() -> None:
    rng = random.Random(0)
    problem = Problem(tuple(Buffer(f"v{k}", rng.randrange(1, 4096) * 64, k, k + 4) for k in range(100)))
    assert height(problem, repair(problem, stacked(problem), problem.lower_bound, steps=5000)) == problem.lower_bound


@pytest.mark.parametrize("seed", range(2))
def test_thousands_of_buffers_are_planned_in_bounded_work(seed: int) -> None:
    """Lifetimes of all lengths, for which no placement under the bound is found: every stage gives up in time."""
    rng = random.Random(seed)
    buffers = []
    for k in range(3000):
        start = rng.randrange(3000)
        buffers.append(Buffer(f"v{k}", rng.randrange(1, 1 << 14) * 64, start, start + rng.choice((2, 10, 300, 2000))))
    problem = Problem(tuple(buffers))
    found = plan(problem)
    check(problem, found.offsets)
    assert found.certificate.gap < 0.1
