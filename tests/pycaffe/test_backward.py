"""Backward passes: gradients in the diffs of blobs and parameters, of the whole net and of parts."""

import numpy as np
import pytest

from tcaffe import pycaffe as caffe

NET = """
name: "small"
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 5 dim: 5 } } }
layer { name: "labels" type: "Input" top: "label" input_param { shape { dim: 2 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } bias_filler { value: 0.1 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.1 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 1 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
STEP = 1e-3


@pytest.fixture
def net_of(tmp_path):
    """A net in TRAIN from its text, with data."""

    def make(text=NET):
        path = tmp_path / "net.prototxt"
        path.write_text(text)
        caffe.set_random_seed(1)
        net = caffe.Net(str(path), caffe.TRAIN)
        net.blobs["data"].data[...] = np.random.default_rng(0).standard_normal(net.blobs["data"].shape)
        if "label" in net.blobs:
            net.blobs["label"].data[...] = [0, 2]
        return net

    return make


def run(net):
    net.forward()
    net.backward()
    return net


@pytest.mark.parametrize(("layer", "index"), [("conv", 0), ("conv", 1), ("fc", 0), ("fc", 1)])
def test_parameters_have_the_slopes_of_the_loss(net_of, layer, index):
    net = run(net_of())
    blob, rng = net.params[layer][index], np.random.default_rng(2)
    direction = rng.choice([-1.0, 1.0], blob.shape).astype(np.float32)
    losses = []
    for step in (STEP, -2 * STEP):
        blob.data[...] += step * direction
        losses.append(float(net.forward()["loss"]))
    assert np.sum(blob.diff * direction) == pytest.approx((losses[0] - losses[1]) / (2 * STEP), rel=3e-2)


def test_nothing_is_computed_for_inputs_unless_it_is_forced(net_of):
    assert not run(net_of()).blobs["data"].diff.any()
    assert run(net_of("force_backward: true " + NET)).blobs["data"].diff.any()


def test_frozen_layers_have_no_gradients(net_of):
    frozen = NET.replace('top: "conv"\n  conv', 'top: "conv" param { lr_mult: 0 } param { lr_mult: 0 }\n  conv')
    net = run(net_of(frozen))
    assert not net.params["conv"][0].diff.any() and not net.blobs["pool"].diff.any()
    assert net.params["fc"][0].diff.any()


def test_without_a_loss_there_is_nothing_to_do(net_of):
    net = net_of(NET[: NET.index('layer { name: "loss"')])
    net.forward()
    net.blobs["fc"].diff[...] = 1
    net.backward()
    assert not net.params["fc"][0].diff.any()


def test_diffs_of_parameters_add_up(net_of):
    net = run(net_of())
    once = net.params["fc"][0].diff.copy()
    net.backward()
    np.testing.assert_allclose(net.params["fc"][0].diff, 2 * once, rtol=1e-5)


def test_part_by_part_is_the_whole(net_of):
    whole, parts = run(net_of()), net_of()
    parts.forward()
    parts.backward(end="pool")
    assert not parts.params["conv"][0].diff.any()
    parts.backward(start="relu")
    for layer in ("conv", "fc"):
        np.testing.assert_allclose(parts.params[layer][0].diff, whole.params[layer][0].diff, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(parts.blobs["pool"].diff, whole.blobs["pool"].diff, rtol=1e-5, atol=1e-7)


def test_top_diffs_are_given_by_name(net_of):
    before, after = NET.index("layer { name: \"labels"), NET.index("layer { name: \"conv")
    net = net_of("force_backward: true " + NET[:before] + NET[after : NET.index("layer { name: \"loss")])
    net.forward()
    seed = np.eye(2, 3, dtype=np.float32)
    diffs = net.backward(diffs=["pool"], fc=seed)
    np.testing.assert_allclose(diffs["pool"].reshape(2, -1), seed @ net.params["fc"][0].data, rtol=1e-5)
    assert list(diffs) == ["data", "pool"]
    with pytest.raises(Exception, match="do not match net outputs"):
        net.backward(pool=seed)
    with pytest.raises(Exception, match="not batch sized"):
        net.backward(fc=np.zeros((3, 3)))


def test_loss_weights_are_where_gradients_start(net_of):
    plain, heavy = run(net_of()), run(net_of(NET.replace('top: "loss" }', 'top: "loss" loss_weight: 3 }')))
    assert heavy.blobs["loss"].diff == 3
    np.testing.assert_allclose(heavy.params["fc"][0].diff, 3 * plain.params["fc"][0].diff, rtol=1e-4)


def test_shapes_may_change_between_passes(net_of):
    net = run(net_of())
    net.blobs["data"].reshape(4, 3, 5, 5)
    net.blobs["label"].reshape(4)
    net.reshape()
    assert net.blobs["loss"].diff == 1
    run(net)
    assert net.blobs["pool"].diff.shape == (4, 4, 2, 2)


def test_a_layer_in_place_on_an_input_reads_it_anew_at_every_pass(net_of):
    net = net_of("""
        force_backward: true
        layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 4 } } }
        layer { name: "exp" type: "ELU" bottom: "data" top: "data" }
    """)
    for x in (np.float32([-1, -0.5, 0.5, 1]), np.float32([2, -2, 1, -1])):
        net.blobs["data"].data[...] = x
        net.forward()
        net.blobs["data"].diff[...] = 1
        net.backward()
        np.testing.assert_allclose(net.blobs["data"].diff, np.where(x > 0, 1, np.exp(np.minimum(x, 0))), rtol=1e-5)
