"""Every core op has a spelling, and its numpy code gives what the interpreter gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tcaffe.codegen.numpy.spelling import FRAMES, REDUCTIONS, UFUNCS
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.ir.ops import OPS
from tcaffe.passes.algorithm import costs, others
from tcaffe.passes.layout import layout
from tcaffe.passes.pipeline import Pipeline
from tests.codegen.run import check, program_of, run
from tests.graphs import POINTWISE, image_graphs, pooled
from tests.ir.cases import CASES, OpCase

SETTINGS = settings(deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
WORKERS = st.sampled_from([1, 2, 3])


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small values are cut into many blocks, as big ones are."""
    monkeypatch.setattr(others, "BLOCK", 24)
    monkeypatch.setattr(others, "SMALL", 16)
    monkeypatch.setattr(costs, "PEAK", 1e6)


def test_every_op_is_spelled() -> None:
    computing = {name for name, op in OPS.items() if op.family != "control"}
    assert computing == {*UFUNCS, *REDUCTIONS, *FRAMES, "select", "cast", "keep", "assign"}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
@pytest.mark.parametrize("workers", [1, 2])
def test_every_case(case: OpCase, workers: int, small_blocks: None) -> None:
    graph = Graph("case", {"y": case.node()})
    feed = case.arrays()
    wanted = evaluate(graph, feed, wide=True)["y"]
    found = run(program_of(graph, workers, Pipeline((layout,), "fixed")), feed, workers)["y"]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def image(*shape: int) -> Node:
    return ops.input_(shape=shape, name="data")


@pytest.mark.parametrize("layer", POINTWISE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 5, 1, 1), (3, 2, 9, 9)])
@pytest.mark.parametrize("workers", [1, 2])
def test_layers_between_convolutions(layer, shape, workers: int, small_blocks: None) -> None:
    x = image(*shape)
    one = ops.param(shape=(shape[1], shape[1], 1, 1), name="w")
    y = ops.conv(x, one, stride=(1, 1), pad=(0, 0), dilation=(1, 1), name="y")
    check(Graph("net", {"out": layer(layer(y, "a"), "b").named("out")}), workers)


@settings(SETTINGS, max_examples=60)
@given(st.data(), st.sampled_from(["max", "sum", "average", "argmax"]), WORKERS)
def test_pools(data, kind: str, workers: int) -> None:
    size, stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    shape = (
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(1, 3)),
        *(data.draw(st.integers(size, 9)) for _ in "hw"),
    )
    y = pooled(image(*shape), kind, size, stride)
    if data.draw(st.booleans()):
        low = data.draw(st.integers(0, size - 1))
        pads = ((low, data.draw(st.integers(0, size - 1))), (data.draw(st.integers(0, size - 1)), 0))
        y = ops.pool(image(*shape), kind=kind, axes=(2, 3), size=(size,) * 2, stride=(stride,) * 2, pad=pads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(others, "BLOCK", 24)
        patch.setattr(others, "SMALL", 16)
        check(Graph("net", {"out": y.named("out")}), workers)


@pytest.mark.parametrize(
    "exponent", [0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0, 1.5, -1.5, 2.0, -2.0, 3.0, -3.0, 1.7, 0.0]
)
def test_powers(exponent: float) -> None:
    x = image(2, 3)
    base = ops.exp(x)
    check(Graph("net", {"out": ops.pow_(base, ops.const(value=exponent, shape=(2, 3))).named("out")}))


@settings(SETTINGS, max_examples=40)
@given(image_graphs(), WORKERS)
def test_random_nets(graph: Graph, workers: int) -> None:
    check(graph, workers)


@settings(SETTINGS, max_examples=40)
@given(image_graphs(), WORKERS)
def test_random_nets_in_small_blocks(graph: Graph, workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("BLOCK", 24), ("SMALL", 16)):
            patch.setattr(others, name, value)
        patch.setattr(costs, "PEAK", 1e6)
        check(graph, workers)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 5, 7), (2, 1, 50, 3)])
@pytest.mark.parametrize("key", [(0, 0), (-7, 2**40 + 3), (2**63 - 1, -1)])
@pytest.mark.parametrize("workers", [1, 2])
def test_random_numbers_have_the_same_bits(shape, key, workers: int, small_blocks: None) -> None:
    numbers = ops.random(ops.input_(shape=(2,), dtype="i64", name="key"), shape=shape, stream=2**32 - 1)
    feed = {"key": np.array(key)}
    found = run(program_of(Graph("net", {"out": numbers}), workers), feed, workers)["out"]
    np.testing.assert_array_equal(found, evaluate(Graph("net", {"out": numbers}), feed)["out"])
