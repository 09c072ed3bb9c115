"""What the recorded cases leave open: rules the original could not run, extremes, and laws that layers obey."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcaffe.frontend.load import load_net
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.ops.window import LOWEST


def run(layers, phase="TEST", parameters=(), **inputs):
    """The blobs of a net whose Input layers are made from the arrays given."""
    heads = [
        f"layer {{ name: '{name}' type: 'Input' top: '{name}' input_param {{ shape {{ "
        f"{' '.join(f'dim: {n}' for n in value.shape)} }} }} }}"
        for name, value in inputs.items()
    ]
    net = load_net("\n".join([*heads, layers]), phase=phase)
    state = {p.node.name: value for p, value in zip(net.parameters, parameters, strict=True)}
    return evaluate(net.graph, inputs | state, wide=True)


def image(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_stochastic_pooling_weighs_elements_by_themselves():
    x = np.array([[[[1.0, 3, 0, 0], [0, 0, 0, 0], [-1, -2, 5, 5], [0, 0, 5, 5]]]])
    fields = "pool: STOCHASTIC kernel_size: 2 stride: 2"
    layer = f"layer {{ name: 'p' type: 'Pooling' bottom: 'x' top: 'p' pooling_param {{ {fields} }} }}"
    assert run(layer, x=x)["p"].tolist() == [[[[2.5, 0], [0, 5]]]]


@pytest.mark.parametrize("size", [3, 5, 9, 2_000_000_001])
def test_normalisation_over_more_channels_than_there_are(size):
    x = image(2, 3, 2, 2)
    layer = (
        f"layer {{ name: 'n' type: 'LRN' bottom: 'x' top: 'n' lrn_param {{ local_size: {size} alpha: {size} k: 2 }} }}"
    )
    reach = min(size // 2, 2)
    squares = [(x[:, max(0, c - reach) : c + reach + 1] ** 2).sum(1) for c in range(3)]
    np.testing.assert_allclose(run(layer, x=x)["n"], x * (2 + np.stack(squares, 1)) ** -0.75, rtol=1e-12)


def test_a_power_of_nothing_is_constant():
    layer = "layer {{ name: 'p' type: 'Power' bottom: 'x' top: 'p' power_param {{ power: {} scale: {} shift: {} }} }}"
    x = np.array([np.inf, np.nan, 1.0])
    assert run(layer.format(0, 2, 0), x=x)["p"].tolist() == [1, 1, 1]
    assert run(layer.format(3, 0, 2), x=x)["p"].tolist() == [8, 8, 8]
    assert run(layer.format(-1, 0, 0), x=x)["p"].tolist() == [np.inf] * 3


def test_an_exponential_may_overflow():
    found = run("layer { name: 'e' type: 'Exp' bottom: 'x' top: 'e' exp_param { shift: 1000 } }", x=np.array([1.0]))
    assert found["e"] == np.inf


def test_empty_windows_hold_the_lowest_number_and_no_place():
    layer = """layer { name: 'p' type: 'Pooling' bottom: 'x' top: 'p' top: 'mask'
      pooling_param { kernel_size: 1 stride: 3 } }"""
    found = run(layer, x=np.arange(9.0).reshape(1, 1, 3, 3))
    assert found["mask"].tolist() == [[[[0, -1], [-1, -1]]]]
    assert found["p"].tolist() == [[[[0, LOWEST], [LOWEST, LOWEST]]]]


def test_statistics_of_a_batch_are_left_for_the_next():
    layer = "layer { name: 'b' type: 'BatchNorm' bottom: 'x' top: 'y' }"
    head = "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 4 dim: 2 } } }"
    net = load_net(head + layer, phase="TRAIN")
    x, state = image(4, 2), {"b.mean": np.ones(2), "b.var": np.ones(2), "b.factor": np.ones(1)}
    outputs = {node.name: value for node, value in net.layers[-1].updates.items()}
    after = evaluate(net.graph.with_outputs(outputs), {"x": x} | state, wide=True)
    np.testing.assert_allclose(after["b.mean"], 0.999 + x.mean(0))
    np.testing.assert_allclose(after["b.var"], 0.999 + x.var(0, ddof=1))
    np.testing.assert_allclose(after["b.factor"], 1.999)


@settings(max_examples=40)
@given(
    spatial=st.integers(1, 3),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
    dilation=st.integers(1, 2),
)
def test_a_convolution_is_a_product_of_patches(spatial, kernel, stride, pad, dilation):
    fields = f"kernel_size: {kernel} stride: {stride} pad: {pad} dilation: {dilation} num_output: 4 bias_term: false"
    layers = "".join(
        f"layer {{ name: '{t}' type: '{t}' bottom: 'x' top: '{t}' convolution_param {{ {fields} }} }}"
        for t in ("Convolution", "Im2col")
    )
    x, w = image(2, 3, *[6] * spatial), image(4, 3, *[kernel] * spatial, seed=1)
    found = run(layers, parameters=[w], x=x)
    patches = found["Im2col"].reshape(2, w[0].size, -1)
    products = np.einsum("ok,nkp->nop", w.reshape(4, -1), patches)
    np.testing.assert_allclose(found["Convolution"], products.reshape(found["Convolution"].shape), atol=1e-12)


@settings(max_examples=40)
@given(group=st.sampled_from([1, 2]), kernel=st.integers(1, 3), stride=st.integers(1, 3), pad=st.integers(0, 1))
def test_a_deconvolution_is_the_transpose_of_a_convolution(group, kernel, stride, pad):
    steps = f"kernel_size: {kernel} stride: {stride} pad: {min(pad, kernel - 1)}"
    fields = f"{steps} group: {group} num_output: 4 bias_term: false"
    y, w = image(1, 2, 3, 3), image(2, 4 // group, kernel, kernel, seed=1)
    deconvolve = f"layer {{ name: 'd' type: 'Deconvolution' bottom: 'y' top: 'd' convolution_param {{ {fields} }} }}"
    spread = run(deconvolve, parameters=[w], y=y)["d"]
    x = image(*spread.shape, seed=2)
    convolve = (
        deconvolve.replace("Deconvolution", "Convolution")
        .replace("num_output: 4", "num_output: 2")
        .replace("'y'", "'x'")
    )
    assert np.vdot(run(convolve, parameters=[w], x=x)["d"], y) == pytest.approx(np.vdot(x, spread))


def test_a_label_beyond_the_classes_costs_all_a_label_can():
    layer = "layer { name: 's' type: 'SoftmaxWithLoss' bottom: 'x' bottom: 'l' top: 's' }"
    assert run(layer, x=image(2, 3), l=np.array([-1.0, 3.0]))["s"] == pytest.approx(-np.log(np.finfo(np.float32).tiny))
