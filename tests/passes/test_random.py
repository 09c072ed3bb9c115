"""Every pass on random graphs: same numbers, and a plan that holds when it is carried out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.program import Program
from tcaffe.ir.verify import verify_graph, verify_program
from tcaffe.passes.alias import alias
from tcaffe.passes.fuse import fuse
from tcaffe.passes.fuse_pools import fuse_pools
from tcaffe.passes.layout import layout
from tcaffe.passes.memory import plan_memory
from tcaffe.passes.order import order
from tcaffe.passes.pipeline import OPTIMISE
from tests.graphs import close, feeds, image_graphs
from tests.passes.nets import residual
from tests.simulate import simulate


@given(image_graphs())
@settings(max_examples=80, deadline=None)
def test_passes_keep_the_numbers(graph: Graph) -> None:
    feed = feeds(graph)
    want = evaluate(graph, feed, wide=True)
    for rewrite in OPTIMISE.passes:
        graph = verify_graph(rewrite(graph))
        close(evaluate(graph, feed, wide=True), want, 1e-9)


def planned(graph: Graph) -> Program:
    program = fuse(layout(graph))
    for step in (fuse_pools, order, alias, plan_memory):
        program = verify_program(step(program))
    return program


@given(image_graphs(max_layers=10))
@settings(max_examples=80, deadline=None)
def test_plans_hold_when_carried_out(graph: Graph) -> None:
    feed = feeds(graph)
    close(simulate(planned(graph), feed), evaluate(graph, feed, wide=True))


def test_a_corrupted_plan_is_noticed() -> None:
    """The simulation is no rubber stamp: two live buffers over each other change the result."""
    graph = residual()
    feed = feeds(graph)
    program = planned(graph)
    assert program.plan is not None
    crushed = replace(program.plan, buffers=tuple(replace(b, offset=0) for b in program.plan.buffers))
    with pytest.raises(AssertionError):
        close(simulate(replace(program, plan=crushed), feed), evaluate(graph, feed, wide=True))
    assert np.isfinite(next(iter(simulate(program, feed).values()))).all()
