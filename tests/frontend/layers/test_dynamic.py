"""Layers whose results depend on numbers for their order or size."""

import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import load_net
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.passes.differentiate import differentiate

X = np.arange(12.0).reshape(4, 3)


def net_of(layer, **shapes):
    heads = (
        f"layer {{ name: '{name}' type: 'Input' top: '{name}' input_param {{ shape {{ "
        f"{' '.join(f'dim: {n}' for n in shape)} }} }} }}"
        for name, shape in shapes.items()
    )
    return load_net("\n".join([*heads, layer]))


def run(net, **arrays):
    """The blobs of a net, and the gradient of x for that of y being 1, 2, 3 ..."""
    y = net.blobs["y"]
    seed = ops.input_(shape=y.shape, name="seed")
    dx = differentiate({y: seed}, [net.blobs["x"]])[net.blobs["x"]]
    arrays["seed"] = 1 + np.arange(y.type.size).reshape(y.shape)
    return evaluate(Graph("g", {**net.graph.outputs, "dx": dx}), arrays)


FILTER = "layer { name: 'f' type: 'Filter' bottom: 'x' bottom: 'l' bottom: 's' top: 'y' top: 'm' }"


@pytest.mark.parametrize("selector", [[1, 0, 1, 0], [0, 0, 0, -2], [0, 0, 0, 0], [3, 1, 1, 1]])
def test_what_a_filter_selects_comes_first(selector):
    chosen = np.flatnonzero(selector)
    found = run(net_of(FILTER, x=(4, 3), l=(4,), s=(4, 1, 1)), x=X, l=X[:, 0], s=np.array(selector).reshape(4, 1, 1))
    rest = 4 - len(chosen)
    np.testing.assert_array_equal(found["y"], [*X[chosen], *np.zeros((rest, 3))])
    np.testing.assert_array_equal(found["m"], [*X[chosen, 0], *np.zeros(rest)])
    wanted = np.zeros((4, 3))
    wanted[chosen] = (1 + np.arange(12).reshape(4, 3))[: len(chosen)]
    np.testing.assert_array_equal(found["dx"], wanted)


def test_items_in_another_order():
    layer = "layer { name: 'b' type: 'BatchReindex' bottom: 'x' bottom: 'i' top: 'y' }"
    found = run(net_of(layer, x=(4, 3), i=(5,)), x=X, i=np.array([2.0, 0, 0, 3.9, 7]))
    np.testing.assert_array_equal(found["y"], X[[2, 0, 0, 3, 3]])
    seeds = 1 + np.arange(15).reshape(5, 3)
    np.testing.assert_array_equal(found["dx"], [seeds[1] + seeds[2], [0] * 3, seeds[0], seeds[3] + seeds[4]])


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"x": (4, 3), "l": (4,), "s": (4, 2)}, r"the selector has shape \[4, 2\]"),
        ({"x": (4, 3), "l": (5,), "s": (4,)}, r"bottom 1 has shape \[5\], the selector \[4\]"),
    ],
)
def test_selectors_that_do_not_fit_are_told(shapes, message):
    with pytest.raises(CompileError, match=message):
        net_of(FILTER, **shapes)
