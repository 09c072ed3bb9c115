"""Whole nets, forward and backward in one graph, through every pass to running code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tcaffe.compiler import build
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.target import cpu
from tcaffe.passes.differentiate import differentiate
from tcaffe.passes.pipeline import FAITHFUL, OPTIMISE, training
from tests.graphs import feeds, image_graphs

SETTINGS = settings(max_examples=25, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
MODES = ("faithful", "optimise", "training", "segments")


def joint(graph: Graph, trained: bool = True) -> Graph:
    """The outputs of a graph and the gradients, for all its sources, of their squares times random numbers.

    Parameters that are not `trained` here are inputs: their values are known in the run alone.
    """
    if not trained:
        graph = graph.substitute({p: ops.input_(shape=p.shape, name=p.name) for p in graph.params})
    seeds = {
        y: y * ops.input_(shape=y.shape, name=f"seed.{name}") for name, y in graph.outputs.items() if y.type.is_float
    }
    gradients = differentiate(seeds, (*graph.params, *graph.inputs))
    return graph.with_outputs(graph.outputs | {f"d.{x.name}": g for x, g in gradients.items()})


def assert_right(graph: Graph, mode: str, workers: int) -> None:
    forward = [name for name in graph.outputs if not name.startswith("d.")]
    trained = {"training": training(forward), "segments": training(forward, 3)}
    pipeline = ({"faithful": FAITHFUL, "optimise": OPTIMISE} | trained)[mode]
    feed = feeds(graph)
    values = {p.name: feed[p.name].astype(np.float32) for p in graph.params}
    executable = build(graph, values, [pipeline], target=cpu(workers))
    found = executable(**{x.name: feed[x.name].astype(np.float32) for x in graph.inputs if x.name in feed})
    for name, value in evaluate(graph, feed, wide=True).items():
        largest = np.max(np.abs(value), initial=1.0)
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-4 * largest, err_msg=name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("trained", [True, False], ids=["params", "inputs"])
@given(image_graphs(max_layers=6), st.sampled_from([1, 2]))
@SETTINGS
def test_random_nets_backward(mode: str, trained: bool, graph: Graph, workers: int) -> None:
    assert_right(joint(graph, trained), mode, workers)
