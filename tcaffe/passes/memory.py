"""`plan_memory`: an offset for every buffer."""

from __future__ import annotations

from dataclasses import replace

from tcaffe.ir.program import MemoryPlan, Program
from tcaffe.passes.alias import planned_buffers
from tcaffe.passes.planner import Buffer as Interval
from tcaffe.passes.planner import Problem, check, plan

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


def plan_memory(program: Program, *, naive: int = 0) -> Program:
    """`program` with an arena: every buffer placed, the overlap checked by other means than it was found by.

    `naive` is the number of bytes the plan is compared with, 0 where nobody compares.
    """
    live = planned_buffers(program)
    problem = Problem(tuple(Interval(b.name, b.size, b.start, b.end) for b in live), alignment=ALIGNMENT)
    found = plan(problem)
    check(problem, found.offsets)
    placed = tuple(replace(b, offset=found.offsets[b.name]) for b in live)
    return replace(program, plan=MemoryPlan(found.size, found.lower_bound, str(found.certificate), naive, placed))
