"""Recurrent nets: what they carry from pass to pass, and where it starts anew."""

import numpy as np
import pytest

from tcaffe import pycaffe as caffe
from tcaffe.diagnostics import CompileError

NET = """
layer {{ name: "x" type: "Input" top: "x" top: "marks"
  input_param {{ shape {{ dim: 2 dim: 3 dim: 4 }} shape {{ dim: 2 dim: 3 }} }} }}
layer {{ name: "r" type: "{}" bottom: "x" bottom: "marks" top: "y"
  recurrent_param {{ num_output: {} weight_filler {{ type: "xavier" }} }} }}
"""
X = np.random.default_rng(0).standard_normal((4, 3, 4)).astype(np.float32)


@pytest.fixture(params=["LSTM", "RNN"])
def net(request, tmp_path):
    (tmp_path / "net.prototxt").write_text(NET.format(request.param, 5))
    return caffe.Net(str(tmp_path / "net.prototxt"), caffe.TEST)


def outputs(net, x, marks):
    return net.forward(x=x, marks=np.broadcast_to(marks, x.shape[:2]))["y"].copy()


def test_two_passes_are_one_long_sequence(net):
    halves = [outputs(net, X[:2], [[0], [1]]), outputs(net, X[2:], 1)]
    for name in ("x", "marks"):
        net.blobs[name].reshape(4, *net.blobs[name].shape[1:])
    whole = outputs(net, X, [[0], [1], [1], [1]])
    np.testing.assert_allclose(np.concatenate(halves), whole, atol=1e-6)


def test_a_mark_of_zero_begins_anew(net):
    first = outputs(net, X[:2], [[0], [1]])
    assert np.abs(outputs(net, X[:2], 1) - first).max() > 1e-3
    np.testing.assert_array_equal(outputs(net, X[:2], [[0], [1]]), first)


def test_what_is_carried_starts_anew_with_another_batch(net):
    start = outputs(net, X[:2], 1)
    for count in (1, 3):
        net.blobs["x"].reshape(2, count, 4)
        net.blobs["marks"].reshape(2, count)
        np.testing.assert_allclose(outputs(net, X[:2, :count], 1), start[:, :count], atol=1e-6)


def test_what_is_carried_is_no_parameter(net, tmp_path):
    assert len(net.params["r"]) == (3 if net.layer_dict["r"].type == "LSTM" else 5)
    outputs(net, X[:2], 1)
    net.save(tmp_path / "net.caffemodel")
    net.copy_from(tmp_path / "net.caffemodel")


def test_shapes_that_do_not_fit_are_told(tmp_path):
    path = tmp_path / "net.prototxt"
    for text, message in (
        (NET.format("LSTM", 0), "num_output must be at least 1"),
        (NET.format("LSTM", 5).replace("dim: 2 dim: 3 }", "dim: 3 dim: 2 }"), "bottom 1 has shape"),
        (NET.format("RNN", 5).replace('top: "y"', 'top: "y" top: "h"'), "RNN has 2 bottoms and 2 tops"),
        (NET.format("RNN", 5).replace("dim: 2 dim: 3", "dim: 5000 dim: 3"), "a sequence of 5000 steps"),
    ):
        path.write_text(text)
        with pytest.raises(CompileError, match=message):
            caffe.Net(str(path), caffe.TEST)
