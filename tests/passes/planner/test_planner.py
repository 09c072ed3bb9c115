"""The planner: nothing overlaps, nothing beats the lower bound, nets reach it, and every run gives the same plan."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings

from tcaffe.passes.planner import Buffer, OverlapError, Problem, check, lower_bound, plan, solve
from tests.passes.planner.instances import SHAPES, problems

MINIMALLOC = Path(__file__).parents[4] / "shared" / "minimalloc"


@given(problems())
@settings(max_examples=150, deadline=None)
def test_any_plan_is_sound(problem: Problem) -> None:
    found = plan(problem)
    check(problem, found.offsets)
    assert found.size >= found.lower_bound >= lower_bound(problem.buffers, problem.alignment)
    assert found == plan(problem)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_lifetimes_of_nets_reach_the_bound(shape: Callable[[int, random.Random], Problem], seed: int) -> None:
    assert str(plan(shape(60, random.Random(seed))).certificate) == "optimal"


def test_the_bound_is_the_busiest_moment() -> None:
    buffers = (Buffer("a", 100, 0, 2), Buffer("b", 10, 1, 3), Buffer("c", 70, 2, 4))
    assert lower_bound(buffers, 1) == 110
    assert lower_bound(buffers, 64) == 128 + 64


KNOT = Problem(
    tuple(
        Buffer(f"{size} bytes from {start} to {end}", size, start, end)
        for size, start, end in ((3, 0, 2), (2, 0, 1), (1, 1, 3), (1, 1, 5), (1, 2, 5), (3, 4, 6), (2, 5, 6))
    ),
    alignment=1,
)
"""Never more than 5 bytes are live at once, and yet they do not fit into 5 bytes."""


def test_a_bound_that_cannot_be_reached_is_raised_by_proof() -> None:
    found = plan(KNOT)
    assert KNOT.lower_bound == 5
    assert (found.size, found.lower_bound, str(found.certificate)) == (6, 6, "optimal")


def test_a_gap_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "SEARCHED", 0)
    found = plan(KNOT)
    assert (found.size, found.lower_bound, str(found.certificate)) == (6, 5, "gap 20 %, not proven")


@pytest.mark.skipif(not MINIMALLOC.is_dir(), reason="public instances are not here")
@pytest.mark.parametrize("name", ["A", "C"])
def test_public_instances_fit(name: str) -> None:
    with (MINIMALLOC / f"{name}.1048576.csv").open() as file:
        rows = [(r["id"], int(r["size"]), int(r["lower"]), int(r["upper"])) for r in csv.DictReader(file)]
    problem = Problem(tuple(Buffer(*row) for row in rows), alignment=1)
    found = plan(problem, capacity=1 << 20)
    check(problem, found.offsets)
    assert found.size <= 1 << 20


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
