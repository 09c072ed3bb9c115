"""Layers that draw random numbers: what they draw, from which key, and where their gradients go."""

import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import load_net
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.passes.differentiate import differentiate

KEY = np.array([3, 0])


def net_of(layers, *shape, phase="TRAIN"):
    dims = " ".join(f"dim: {n}" for n in shape)
    head = f"layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ {dims} }} }} }}"
    return load_net(f"{head} {layers}", phase=phase)


def run(net, x, key=KEY):
    """The blobs of a net, and the gradient of its input for ones at its output."""
    top = net.blobs[net.outputs[0]]
    seed = ops.const(value=1, shape=top.shape)
    gradient = differentiate({top: seed}, net.graph.inputs)[net.blobs["x"]]
    graph = Graph("g", {**net.graph.outputs, "dx": gradient})
    return evaluate(graph, {"x": x, "random": key} if net.random else {"x": x})


DROPOUT = "layer {{ name: 'd' type: 'Dropout' bottom: 'x' top: 'y' dropout_param {{ dropout_ratio: {} }} }}"


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_dropout_keeps_some_and_scales_them(ratio):
    x = np.random.default_rng(0).uniform(1, 2, (100, 100)).astype(np.float32)
    found = run(net_of(DROPOUT.format(ratio), *x.shape), x)
    kept = found["y"] != 0
    assert abs(kept.mean() - (1 - ratio)) < 4 * np.sqrt(ratio * (1 - ratio) / x.size)
    np.testing.assert_allclose(found["y"][kept], x[kept] / (1 - ratio), rtol=1e-6)
    np.testing.assert_allclose(found["dx"], kept / (1 - ratio), rtol=1e-6)


def test_dropout_draws_anew_at_every_step_and_in_every_layer():
    text = DROPOUT.format(0.5) + "layer { name: 'e' type: 'Dropout' bottom: 'x' top: 'z' }"
    net, x = net_of(text, 1000), np.ones(1000)
    masks = [evaluate(net.graph, {"x": x, "random": np.array(key)}) for key in ([3, 0], [3, 0], [3, 1])]
    first, again, next_ = (found["y"] for found in masks)
    np.testing.assert_array_equal(first, again)
    assert 400 < (first != next_).sum() < 600
    assert 400 < (first != masks[0]["z"]).sum() < 600


@pytest.mark.parametrize(("ratio", "phase"), [(0.5, "TEST"), (0, "TRAIN")])
def test_where_nothing_is_drawn_there_is_no_key(ratio, phase):
    net = net_of(DROPOUT.format(ratio), 2, 3, phase=phase)
    assert net.random is None
    assert [n.name for n in net.graph.inputs] == ["x"]


def test_a_blob_may_be_called_random():
    net = load_net(
        "layer { name: 'in' type: 'Input' top: 'random' input_param { shape { dim: 3 } } }"
        "layer { name: 'd' type: 'Dropout' bottom: 'random' top: 'y' }",
        phase="TRAIN",
    )
    assert net.random.name == "random'1"
    assert net.inputs == ("random",)


def test_a_ratio_of_all_is_refused():
    with pytest.raises(CompileError, match="dropout_ratio is 1"):
        net_of(DROPOUT.format(1), 2)


POOL = "layer {{ name: 'p' type: 'Pooling' bottom: 'x' top: 'y' pooling_param {{ pool: STOCHASTIC {} }} }}"


def test_stochastic_pooling_draws_elements_by_their_size():
    x = np.tile(np.array([[1.0, 0, 3, 4], [0, 0, 0, 2]]), (1, 5000, 1, 1)).astype(np.float32)
    found = run(net_of(POOL.format("kernel_size: 2 stride: 2"), *x.shape), x)
    left, right = found["y"][0, :, 0].T
    assert (left == 1).all()
    parts = [(right == value).mean() for value in (3, 4, 2)]
    np.testing.assert_allclose(parts, [3 / 9, 4 / 9, 2 / 9], atol=0.03)
    np.testing.assert_array_equal(found["dx"][0, :, 0, 2], right == 3)
    assert found["dx"].sum() == found["y"].size


def test_stochastic_pooling_draws_from_what_lies_on_the_image():
    x = np.random.default_rng(0).uniform(1, 2, (2, 3, 5, 6)).astype(np.float32)
    found = run(net_of(POOL.format("kernel_h: 3 kernel_w: 2 stride_h: 3 stride_w: 2"), *x.shape), x)
    for (n, c, i, j), y in np.ndenumerate(found["y"]):
        assert y in x[n, c, 3 * i : 3 * i + 3, 2 * j : 2 * j + 2]


def test_stochastic_pooling_of_zeros_takes_the_first():
    found = run(net_of(POOL.format("global_pooling: true"), 1, 1, 3, 3), np.zeros((1, 1, 3, 3), np.float32))
    assert found["dx"].ravel().tolist() == [1] + [0] * 8


def test_a_window_too_large_to_draw_from_is_refused():
    with pytest.raises(CompileError, match=r"a window of \[17, 17\] is too large to draw from"):
        net_of(POOL.format("global_pooling: true"), 1, 1, 17, 17)
