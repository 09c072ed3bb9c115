"""Layers that draw numbers or run over time, with their gradients, compiled: what the interpreter gives."""

import numpy as np
import pytest

from tcaffe.frontend.load import load_net
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.passes.differentiate import differentiate
from tests.codegen.run import check

INPUT = "layer {{ name: '{0}' type: 'Input' top: '{0}' input_param {{ shape {{ {1} }} }} }}\n"
CONVOLUTION = (
    "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c' convolution_param { num_output: 5 kernel_size: 3 } }\n"
)
DROPOUT = "layer { name: 'd' type: 'Dropout' bottom: 'c' top: 'd' dropout_param { dropout_ratio: 0.3 } }\n"
POOLING = """
layer { name: 'e' type: 'AbsVal' bottom: 'c' top: 'e' }
layer { name: 'p' type: 'Pooling' bottom: 'e' top: 'p' pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 } }
"""
RECURRENT = "layer {{ name: 'r' type: '{}' bottom: 'x' bottom: 'm' top: 'y' recurrent_param {{ num_output: 3 }} }}\n"
FILTER = "layer { name: 'f' type: 'Filter' bottom: 'x' bottom: 's' top: 'y' }\n"
REINDEX = "layer { name: 'b' type: 'BatchReindex' bottom: 'x' bottom: 's' top: 'y' }\n"


@pytest.mark.parametrize(
    ("inputs", "layers"),
    [
        ({"x": (2, 3, 8, 9)}, CONVOLUTION + DROPOUT),
        ({"x": (2, 3, 8, 9)}, CONVOLUTION + POOLING),
        ({"x": (4, 2, 5), "m": (4, 2)}, RECURRENT.format("LSTM")),
        ({"x": (4, 2, 5), "m": (4, 2)}, RECURRENT.format("RNN")),
        ({"x": (6, 2, 3), "s": (6,)}, FILTER),
        ({"x": (6, 2, 3), "s": (4,)}, REINDEX),
    ],
    ids=["dropout", "stochastic", "LSTM", "RNN", "Filter", "BatchReindex"],
)
def test_values_and_gradients(inputs, layers):
    heads = (INPUT.format(name, " ".join(f"dim: {n}" for n in shape)) for name, shape in inputs.items())
    net = load_net("".join([*heads, layers]), phase="TRAIN")
    top = net.blobs[net.outputs[0]]
    wanted = [n for n in (*net.graph.inputs, *net.graph.params) if n.type.is_float]
    gradients = differentiate({top: ops.input_(shape=top.shape, name="seed")}, wanted)
    named = {f"d.{node.name}": g for node, g in gradients.items()}
    assert "d.x" in named
    check(Graph("net", {"top": top, **named}))


def test_the_gradient_of_bnll_is_the_sigmoid_at_zero_too():
    net = load_net(INPUT.format("x", "dim: 4") + "layer { name: 'b' type: 'BNLL' bottom: 'x' top: 'y' }", phase="TRAIN")
    x, y = net.blobs["x"], net.blobs["y"]
    dx = differentiate({y: ops.const(value=1, shape=(4,))}, [x])[x]
    found = evaluate(Graph("g", {"dx": dx}), {"x": np.array([0, -np.inf, np.inf, 1])}, wide=True)["dx"]
    np.testing.assert_allclose(found, [0.5, 0, 1, 1 / (1 + np.exp(-1))])
