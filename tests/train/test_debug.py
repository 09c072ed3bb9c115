"""What `debug_info` tells: the same of a net whose blobs are all kept, and of the step as one program."""

from __future__ import annotations

import numpy as np
import pytest

import tcaffe
from tcaffe.frontend.load import read_state
from tcaffe.pycaffe.training import NetEngine
from tcaffe.schema import caffe_pb2
from tcaffe.train.engine import StepEngine

NET = """
layer { name: "in" type: "Input" top: "x" top: "label" input_param { shape { dim: 4 dim: 5 } shape { dim: 4 } } }
layer { name: "fc1" type: "InnerProduct" bottom: "x" top: "fc1" param { name: "shared" } param { lr_mult: 0 }
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "relu{1}" type: "TanH" bottom: "fc1" top: "relu" }
layer { name: "fc2" type: "InnerProduct" bottom: "relu" top: "fc2" param { name: "shared" }
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }
"""
X = np.random.default_rng(0).normal(size=(4, 5)).astype("f")
LABEL = np.array([0, 1, 2, 4])


class Batches:
    tops, shapes = ("x", "label"), {}

    def batch(self, tops):
        return {"x": X, "label": LABEL}


@pytest.fixture
def lines(tmp_path):
    """The lines of both engines, with the same parameters."""
    (tmp_path / "net.prototxt").write_text(NET)
    solver = caffe_pb2.SolverParameter(type="SGD", momentum=0.9)
    step = StepEngine(read_state(tmp_path / "net.prototxt", phase="TRAIN"), [Batches()], solver)
    net = tcaffe.Net(str(tmp_path / "net.prototxt"), tcaffe.TRAIN)
    for name, blob in net._parameters.blobs.items():
        blob.set(step.values[name].copy())
    net.blobs["x"].data[...], net.blobs["label"].data[...] = X, LABEL
    told, expected = [], []
    step.iterate(0.1, told.append)
    NetEngine(net, solver).iterate(0.1, expected.append)
    return told, expected


def test_both_engines_tell_the_same(lines):
    told, expected = ([line.rpartition(": ") for line in found[:-1]] for found in lines)
    assert [text for text, _, _ in told] == [text for text, _, _ in expected]
    np.testing.assert_allclose([float(v) for *_, v in told], [float(v) for *_, v in expected], rtol=1e-4)
    assert lines[0][-1].startswith("    [Backward] All net params (data, diff): L1 norm = (")
    assert lines[0][-1][:60] == lines[1][-1][:60]


def test_layers_parameters_and_only_what_has_a_gradient_is_told(lines):
    texts = [line.rpartition(": ")[0].strip() for line in lines[0]]
    assert "[Forward] Layer fc1, param blob shared data" in texts
    assert "[Backward] Layer relu{1}, bottom blob fc1 diff" in texts
    assert "[Backward] Layer fc1, bottom blob x diff" not in texts
    assert "[Backward] Layer fc1, param blob 1 diff" not in texts
    later, earlier = "[Backward] Layer fc1, param blob 0 diff", "[Backward] Layer fc2, bottom blob relu diff"
    assert texts.index(earlier) < texts.index(later)


def test_a_told_iteration_trains_like_any_other(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    solver = caffe_pb2.SolverParameter(type="SGD", momentum=0.9)
    engines = [StepEngine(read_state(tmp_path / "net.prototxt", phase="TRAIN"), [Batches()], solver) for _ in range(2)]
    for _ in range(3):
        engines[0].iterate(0.1)
        engines[1].iterate(0.1, lambda line: None)
    for name, value in engines[0].values.items():
        np.testing.assert_allclose(engines[1].values[name], value, rtol=1e-5, atol=1e-7)
    assert engines[0].outputs()["loss"] == pytest.approx(engines[1].outputs()["loss"])
