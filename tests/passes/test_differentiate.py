"""Gradients: every core op against central differences in float64; what is not asked for is not made."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.ir.ops import OPS
from tcaffe.ir.ops.gradients import GRADIENTS, NO_GRADIENT
from tcaffe.ir.verify import verify_graph
from tcaffe.passes.differentiate import differentiate
from tests.ir.cases import CASES, OpCase

STEP = 1e-6
FLAT = ("cast", "pool-argmax-spatial")  # whole numbers of something that is not
SMOOTH = [case for case in CASES if case.op in GRADIENTS and case.op not in (ops.assign, ops.surrogate)]


def test_every_op_has_a_gradient_or_is_known_to_have_none() -> None:
    assert set(OPS.values()) == GRADIENTS.keys() | NO_GRADIENT
    assert not GRADIENTS.keys() & NO_GRADIENT


@pytest.mark.parametrize("case", SMOOTH, ids=lambda c: c.id)
def test_gradients_are_central_differences(case: OpCase) -> None:
    node = case.node()
    arrays = {n: a.astype(np.float64) if a.dtype == np.float32 else a for n, a in case.arrays().items()}
    seed = ops.input_(shape=node.shape, dtype=node.type.dtype, name="seed")
    arrays["seed"] = np.random.default_rng(1).uniform(-1, 1, node.shape)
    floats = [x for x in node.inputs if x.type.is_float]
    gradients = differentiate({node: seed}, floats)
    total = Graph("total", {"total": ops.reduce_sum(node * seed, axes=tuple(range(len(node.shape))))})
    for x, g in gradients.items():
        got = evaluate(verify_graph(Graph("g", {"g": g})), arrays, wide=True)["g"]
        assert got.shape == x.shape
        expected = central_differences(total, arrays, x.name)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    assert list(gradients) == ([] if case.id in FLAT else floats)


def central_differences(total: Graph, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    """The derivative of a number for every element of one array."""
    result = np.zeros(arrays[name].shape)
    for at in np.ndindex(result.shape):
        values = []
        for step in (STEP, -STEP):
            moved = arrays[name].copy()
            moved[at] += step
            values.append(float(evaluate(total, arrays | {name: moved}, wide=True)["total"]))
        result[at] = (values[0] - values[1]) / (2 * STEP)
    return result


def x(name: str = "x") -> Node:
    return ops.input_(shape=(3,), name=name)


def test_uses_accumulate() -> None:
    a = x()
    g = differentiate({a * a + ops.exp(a): ops.input_(shape=(3,), name="seed")}, [a])[a]
    feed = {"x": np.array([0.0, 1.0, 2.0]), "seed": np.ones(3)}
    got = evaluate(Graph("g", {"g": g}), feed, wide=True)["g"]
    np.testing.assert_allclose(got, 2 * feed["x"] + np.exp(feed["x"]))


def test_only_what_is_wanted_is_made() -> None:
    image, w = ops.input_(shape=(1, 2, 5, 5), name="data"), ops.param(shape=(3, 2, 3, 3), name="w")
    y = ops.conv(image, w, stride=(1, 1), pad=(0, 0), dilation=(1, 1))
    gradients = differentiate({y: ops.input_(shape=y.shape, name="seed")}, [w])
    assert list(gradients) == [w]
    assert ops.conv_dx not in {n.op for n in topological(gradients.values())}


def test_no_gradient_passes_detach_and_a_surrogate_brings_its_own() -> None:
    a, seed = x(), ops.input_(shape=(3,), name="seed")
    assert differentiate({ops.detach(a) * 2: seed}, [a]) == {}
    g = differentiate({ops.surrogate(ops.exp(a), a * 3): seed}, [a])[a]
    got = evaluate(Graph("g", {"g": g}), {"x": np.zeros(3), "seed": np.ones(3)}, wide=True)["g"]
    np.testing.assert_array_equal(got, [3, 3, 3])


@pytest.mark.parametrize(("op", "expected"), [(ops.maximum, (0.0, 1.0)), (ops.minimum, (1.0, 0.0))])
def test_ties(op: ops.maximum.__class__, expected: tuple[float, float]) -> None:
    a, b, seed = x("a"), x("b"), ops.input_(shape=(3,), name="seed")
    gradients = differentiate({op(a, b): seed}, [a, b])
    values = evaluate(
        Graph("g", {"a": gradients[a], "b": gradients[b]}), {"a": np.ones(3), "b": np.ones(3), "seed": np.ones(3)}
    )
    assert (values["a"][0], values["b"][0]) == expected
