"""The planner: nothing overlaps, nothing beats the lower bound, nets reach it, and every run gives the same plan."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings

from tcaffe.passes.planner import Buffer, OverlapError, Problem, check, lower_bound, plan
from tests.passes.planner.instances import SHAPES, problems


@given(problems())
@settings(max_examples=150, deadline=None)
def test_any_plan_is_sound(problem: Problem) -> None:
    found = plan(problem)
    check(problem, found.offsets)
    assert found.size >= found.lower_bound == lower_bound(problem.buffers, problem.alignment)
    assert found == plan(problem)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_lifetimes_of_nets_reach_the_bound(shape: Callable[[int, random.Random], Problem], seed: int) -> None:
    assert str(plan(shape(60, random.Random(seed))).certificate) == "optimal"


def test_the_bound_is_the_busiest_moment() -> None:
    buffers = (Buffer("a", 100, 0, 2), Buffer("b", 10, 1, 3), Buffer("c", 70, 2, 4))
    assert lower_bound(buffers, 1) == 110
    assert lower_bound(buffers, 64) == 128 + 64


def test_a_gap_is_told() -> None:
    """Three pairs that meet in a ring cannot all be packed: the bound is 2, a plan needs 3."""
    lives = [("a", 0, 2), ("b", 1, 4), ("c", 3, 5), ("d", 4, 6), ("e", 0, 1)]
    ring = Problem(tuple(Buffer(n, 2 if n == "d" else 1, s, e) for n, s, e in lives), alignment=1)
    found = plan(ring)
    assert found.certificate.optimal == (found.size == found.lower_bound)
    assert ("optimal" in str(found.certificate)) == found.certificate.optimal


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ({"a": 0, "b": 64}, "a and b overlap at time 1"),
        ({"a": 0, "b": 100}, "not aligned to 64"),
        ({"a": 0, "b": -64}, "not aligned"),
    ],
)
def test_the_checker_finds_what_is_wrong(offsets: dict[str, int], message: str) -> None:
    problem = Problem((Buffer("a", 65, 0, 2), Buffer("b", 64, 1, 3)))
    with pytest.raises(OverlapError, match=message):
        check(problem, offsets)
    check(problem, {"a": 0, "b": 128})
