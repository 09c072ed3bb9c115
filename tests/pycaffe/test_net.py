"""Nets: what scripts written for pycaffe do with them."""

import numpy as np
import pytest

from tcaffe import pycaffe as caffe
from tcaffe.diagnostics import CompileError
from tcaffe.ir.interpret import evaluate
from tcaffe.pycaffe import section

NET = """
name: "small"
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } bias_filler { value: 0.5 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "scaled" }
layer { name: "pool" type: "Pooling" bottom: "scaled" top: "pool" pooling_param { global_pooling: true pool: AVE } }
layer { name: "prob" type: "Softmax" bottom: "pool" top: "prob" }
"""
X = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32)


@pytest.fixture
def net_of(tmp_path):
    """A net from its text."""

    def make(text=NET, phase=caffe.TEST, **more):
        path = tmp_path / "net.prototxt"
        path.write_text(text)
        return caffe.Net(str(path), phase, **more)

    return make


def relu_conv(x, w, b):
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))
    return np.maximum(np.einsum("ncyxij,ocij->noyx", windows, w) + b[:, None, None], 0)


def test_names_and_shapes(net_of):
    net = net_of()
    assert net.name == "small"
    assert {name: blob.shape for name, blob in net.blobs.items()} == {
        "data": (2, 3, 4, 4), "conv": (2, 4, 2, 2), "scaled": (2, 4, 2, 2), "pool": (2, 4, 1, 1), "prob": (2, 4, 1, 1),
    }  # fmt: skip
    assert {name: [b.shape for b in blobs] for name, blobs in net.params.items()} == {
        "conv": [(4, 3, 3, 3), (4,)], "scale": [(4,)],
    }  # fmt: skip
    assert (net.inputs, net.outputs) == (["data"], ["prob"])
    assert list(net.layer_dict) == ["in", "conv", "relu", "scale", "pool", "prob"]
    assert net.layer_dict["pool"].type == "Pooling"
    assert net.bottom_names["relu"] == net.top_names["relu"] == ["conv"]
    blob = net.blobs["data"]
    assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (2, 3, 4, 4, 96)


def test_every_blob_can_be_read_after_a_forward_pass(net_of):
    net = net_of()
    net.params["scale"][0].data[...] = [1, 2, 3, 4]
    out = net.forward(data=X)
    w, b = (blob.data for blob in net.params["conv"])
    conv = relu_conv(X, w, b)
    scaled = conv * np.array([1, 2, 3, 4], np.float32)[:, None, None]
    np.testing.assert_allclose(net.blobs["conv"].data, conv, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.blobs["scaled"].data, scaled, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.blobs["pool"].data[..., 0, 0], scaled.mean((2, 3)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(out["prob"].sum(1), 1, rtol=1e-5)
    assert out.keys() == {"prob"}
    assert net.forward(["pool"]).keys() == {"prob", "pool"}


def test_parameters_and_inputs_are_read_anew_by_every_pass(net_of):
    net = net_of()
    w, b = (blob.data for blob in net.params["conv"])
    for seed in range(2):
        w[...] = np.random.default_rng(seed).standard_normal(w.shape)
        b[...] = seed
        net.blobs["data"].data[...] = X * (seed + 1)
        net.forward()
        np.testing.assert_allclose(net.blobs["conv"].data, relu_conv(X * (seed + 1), w, b), rtol=1e-3, atol=1e-4)


def test_parameters_that_nobody_touched_are_not_prepared_again(net_of, monkeypatch):
    net = net_of()
    net.forward(data=X)
    prepared = []
    monkeypatch.setattr(section, "evaluate", lambda g, feed: prepared.append(sorted(g.outputs)) or evaluate(g, feed))

    def forward():
        net.forward()
        return prepared.pop()

    assert forward() == []
    net.params["conv"][0].data[...] = 1
    assert [name.split(".")[0] for name in forward()] == ["conv"]
    assert forward() == []
    row = net.params["scale"][0].data[1:2]
    assert len(forward()) == len(forward()) == 1  # somebody holds a view, and may write to it
    row[...] = 5
    assert len(forward()) == 1
    np.testing.assert_allclose(net.blobs["scaled"].data[:, 1], net.blobs["conv"].data[:, 1] * 5, rtol=1e-5)
    del row
    assert forward() == []


def test_fillers_repeat_with_the_seed(net_of):
    def weights():
        caffe.set_random_seed(7)
        return net_of().params["conv"][0].data

    first = weights()
    np.testing.assert_array_equal(first, weights())
    assert 0.1 < first.std() / (1 / 27**0.5) < 1.2
    np.testing.assert_array_equal(net_of().params["conv"][1].data, 0.5)
    np.testing.assert_array_equal(net_of().params["scale"][0].data, 1)


def test_reshape_follows_the_input(net_of):
    net = net_of()
    net.forward(data=X)
    net.blobs["data"].reshape(1, 3, 5, 6)
    net.reshape()
    assert net.blobs["conv"].shape == (1, 4, 3, 4)
    x = np.random.default_rng(1).standard_normal((1, 3, 5, 6)).astype(np.float32)
    net.blobs["data"].data[...] = x
    net.forward()
    w, b = (blob.data for blob in net.params["conv"])
    np.testing.assert_allclose(net.blobs["conv"].data, relu_conv(x, w, b), rtol=1e-4, atol=1e-5)
    net.blobs["data"].reshape(*X.shape)
    net.forward(data=X)
    np.testing.assert_allclose(net.blobs["conv"].data, relu_conv(X, w, b), rtol=1e-4, atol=1e-5)


def test_a_shape_that_no_layer_takes_is_refused(net_of):
    net = net_of()
    net.blobs["data"].reshape(1, 3, 2, 2)
    with pytest.raises(CompileError, match="conv"):
        net.reshape()


def test_a_shape_that_would_change_parameters_is_refused(net_of):
    net = net_of("""
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 4 } }
    """)
    net.blobs["x"].reshape(2, 5)
    with pytest.raises(ValueError, match=r"parameter 'fc.w' is \[4, 3\], for these inputs it would be \[4, 5\]"):
        net.forward()
    net.blobs["x"].reshape(7, 3)
    assert net.forward()["y"].shape == (7, 4)


def test_part_of_the_layers(net_of):
    net = net_of()
    net.forward(data=X)
    w, b = (blob.data for blob in net.params["conv"])
    net.blobs["pool"].data[...] = 0
    assert net.forward(end="relu").keys() == {"conv"}
    assert not net.blobs["pool"].data.any()
    net.blobs["conv"].data[...] = 2
    assert net.forward(start="scale", end="pool").keys() == {"pool"}
    np.testing.assert_allclose(net.blobs["pool"].data, 2, rtol=1e-5)
    np.testing.assert_array_equal(net.blobs["conv"].data, 2)
    net.forward(start="conv")
    np.testing.assert_allclose(net.blobs["conv"].data, relu_conv(X, w, b), rtol=1e-4, atol=1e-5)


def test_a_layer_in_place_of_an_input_changes_it_at_every_pass(net_of):
    net = net_of("""
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 3 } } }
        layer { name: "twice" type: "Power" bottom: "x" top: "x" power_param { scale: 2 } }
    """)
    assert net.forward(x=np.array([1, 2, 3]))["x"].tolist() == [2, 4, 6]
    assert net.forward()["x"].tolist() == [4, 8, 12]


def test_inputs_are_checked_as_in_the_original(net_of):
    net = net_of()
    with pytest.raises(Exception, match="Input blob arguments do not match net inputs"):
        net.forward(image=X)
    with pytest.raises(Exception, match="Input is not batch sized"):
        net.forward(data=X[:1])


def test_the_old_order_of_arguments(net_of, tmp_path):
    path = str(net_of() and tmp_path / "net.prototxt")
    for net in (caffe.Net(path, None, caffe.TEST), caffe.Net(network_file=path, phase=caffe.TEST, weights=None)):
        assert list(net.blobs) == ["data", "conv", "scaled", "pool", "prob"]
    with pytest.raises(ValueError, match=r"the phase is TRAIN \(0\) or TEST \(1\), not 2"):
        caffe.Net(path, 2)
    with pytest.raises(RuntimeError, match=r"Could not open file /nowhere/net\.prototxt"):
        caffe.Net("/nowhere/net.prototxt", caffe.TEST)


def test_phases_and_stages(net_of):
    text = """
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 3 } } }
        layer { name: "a" type: "AbsVal" bottom: "x" top: "a" include { phase: TRAIN } }
        layer { name: "b" type: "AbsVal" bottom: "x" top: "b" include { phase: TEST stage: "deploy" } }
    """
    assert net_of(text, caffe.TRAIN).outputs == ["a"]
    assert net_of(text, caffe.TEST, stages=["deploy"]).outputs == ["b"]
    assert net_of(text, caffe.TEST).outputs == ["x"]


def test_shared_parameters_are_one(net_of):
    net = net_of("""
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "p" type: "InnerProduct" bottom: "x" top: "p" param { name: "w" }
          inner_product_param { num_output: 3 bias_term: false } }
        layer { name: "q" type: "InnerProduct" bottom: "p" top: "q" param { name: "w" }
          inner_product_param { num_output: 3 bias_term: false } }
    """)
    net.params["p"][0].data[...] = np.eye(3) * 3
    np.testing.assert_array_equal(net.params["q"][0].data, np.eye(3) * 3)
    np.testing.assert_allclose(net.forward(x=np.ones((2, 3)))["q"], 9)


def test_weights_are_saved_and_copied_by_layer_name(net_of, tmp_path):
    net = net_of()
    file = str(tmp_path / "small.caffemodel")
    net.save(file)
    new = net_of(NET.replace('name: "scale"', 'name: "fresh"'), weights=file)
    np.testing.assert_array_equal(new.params["conv"][0].data, net.params["conv"][0].data)
    assert "scale" not in new.params
    new.params["conv"][0].data[...] = 0
    new.copy_from(file)
    np.testing.assert_array_equal(new.params["conv"][0].data, net.params["conv"][0].data)
    new.params["conv"][0].data[...] = 0  # the net's own, not the file's
    with pytest.raises(CompileError, match=r"parameter 0 of layer `conv` is \[4, 3, 3, 3\] in the file"):
        net_of(NET.replace("kernel_size: 3", "kernel_size: 1"), weights=file)


def test_memory_data_is_served_in_batches(net_of):
    net = net_of("""
        layer { name: "mem" type: "MemoryData" top: "data" top: "label"
          memory_data_param { batch_size: 2 channels: 1 height: 1 width: 2 } }
        layer { name: "neg" type: "Power" bottom: "data" top: "neg" power_param { scale: -1 } }
        layer { name: "quiet" type: "Silence" bottom: "label" }
    """)
    with pytest.raises(RuntimeError, match="no data yet"):
        net.forward()
    data = np.arange(8, dtype=np.float32).reshape(4, 1, 1, 2)
    with pytest.raises(RuntimeError, match="not a multiple of the batch size 2"):
        net.set_input_arrays(data[:3], np.zeros(3, np.float32))
    net.set_input_arrays(data, np.arange(4, dtype=np.float32))
    served = [(net.forward()["neg"].copy(), net.blobs["label"].data.copy()) for _ in range(3)]
    np.testing.assert_array_equal([neg for neg, _ in served], [-data[:2], -data[2:], -data[:2]])
    np.testing.assert_array_equal([label for _, label in served], [[0, 1], [2, 3], [0, 1]])
    with pytest.raises(RuntimeError, match="first layer"):
        net_of().set_input_arrays(data, data)


def test_dummy_data_is_drawn_anew_unless_it_is_constant(net_of):
    net = net_of("""
        layer { name: "d" type: "DummyData" top: "noise" top: "three"
          dummy_data_param { shape { dim: 2 dim: 5 } data_filler { type: "gaussian" } data_filler { value: 3 } } }
        layer { name: "sum" type: "Eltwise" bottom: "noise" bottom: "three" top: "sum" }
    """)
    first = net.forward()["sum"].copy()
    np.testing.assert_array_equal(first, net.blobs["noise"].data + 3)
    assert (net.forward()["sum"] != first).any()
    np.testing.assert_array_equal(net.blobs["three"].data, 3)


def test_a_data_layer_without_a_source_is_warned_of(net_of):
    text = """
        layer { name: "d" type: "Data" top: "image" transform_param { crop_size: 4 } data_param { batch_size: 2 } }
    """
    with pytest.warns(UserWarning, match=r"layer 'd' \(Data\) names no source: write to net.blobs\['image'\]"):
        assert net_of(text).blobs["image"].shape == (2, 3, 4, 4)


def test_what_there_is_no_gpu_for():
    caffe.set_mode_cpu()
    with pytest.raises(CompileError, match="E0627: there is no GPU 0"):
        caffe.set_mode_gpu()


def test_layer_types_are_listed():
    types = caffe.layer_type_list()
    assert types == sorted(types)
    assert {"Convolution", "Softmax", "SPP"} <= set(types)


def test_errors_of_the_net_are_located(net_of):
    with pytest.raises(CompileError, match=r"net.prototxt:4:28: error E0304: .*Convolutoin"):
        net_of(NET.replace('"Convolution"', '"Convolutoin"'))
