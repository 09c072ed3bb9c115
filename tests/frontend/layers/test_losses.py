"""What the recorded cases of losses leave open: extremes, gains from files, gradients that must not flow."""

import numpy as np
import pytest

import tcaffe
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import load_net
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.passes.differentiate import differentiate
from tcaffe.schema import caffe_pb2
from tests.frontend.layers.test_rules import run

INFOGAIN = """layer { name: 'l' type: 'InfogainLoss' bottom: 'x' bottom: 'label' top: 'l'
  infogain_loss_param { source: 'gains.binaryproto' } }"""


def inputs(**arrays):
    """Input layers for arrays by name."""
    return "".join(
        f"layer {{ name: '{name}' type: 'Input' top: '{name}' input_param {{ shape {{ "
        f"{' '.join(f'dim: {n}' for n in value.shape)} }} }} }}\n"
        for name, value in arrays.items()
    )


def gradients(layers, **arrays):
    """The gradients of the first top of the last layer for every input that has one."""
    net = load_net(inputs(**arrays) + layers, phase="TRAIN")
    top = net.layers[-1].values[0]
    found = differentiate({top: ops.const(value=1, shape=top.shape)}, net.graph.inputs)
    return evaluate(Graph("g", {node.name: g for node, g in found.items()}), arrays, wide=True)


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Writes the file of gains, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return (tmp_path / "gains.binaryproto").write_bytes


def test_the_cross_entropy_of_extreme_scores_is_finite():
    layer = "layer { name: 'l' type: 'SigmoidCrossEntropyLoss' bottom: 'x' bottom: 't' top: 'l' }"
    x, t = np.array([[-1e4, 1e4, 0, -1e4, 1e4]]), np.array([[0, 1, 0.25, 1, 0]])
    assert run(layer, x=x, t=t)["l"] == pytest.approx(2e4 + np.log(2))
    found = gradients(layer, x=x, t=t)
    np.testing.assert_allclose(found["x"], [[0, 0, 0.25, -1, 1]])
    assert found.keys() == {"x"}


def test_the_derivative_of_a_saturated_softmax_is_not_lost():
    layer = "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'x' bottom: 'label' top: 'l' }"
    x, label = np.array([[0.0, 1e4, 0]]), np.array([0.0])
    assert run(layer, x=x, label=label)["l"] == pytest.approx(-np.log(np.finfo(np.float32).tiny))
    assert gradients(layer, x=x, label=label)["x"].tolist() == [[-1, 1, 0]]


def test_probabilities_on_a_second_top_have_a_gradient_of_their_own():
    layer = (
        "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'x' bottom: 'label' top: 'l' top: 'p' loss_weight: [1, 0] }"
    )
    layers = (
        layer + "layer { name: 's' type: 'Slice' bottom: 'p' top: 'first' top: 'rest' slice_param { slice_point: 1 } }"
    )
    found = gradients(layers, x=np.array([[0.0, 0.0]]), label=np.array([0.0]))
    np.testing.assert_allclose(found["x"], [[0.25, -0.25]])


def test_pairs_that_are_equal_but_should_not_be_stay_where_they_are():
    layer = "layer { name: 'l' type: 'ContrastiveLoss' bottom: 'x' bottom: 'y' bottom: 'mark' top: 'l' }"
    x = np.ones((2, 3))
    found = gradients(layer, x=x, y=x, mark=np.array([0.0, 1.0]))
    assert found.keys() == {"x", "y"} and not any(g.any() for g in found.values())
    assert run(layer, x=x, y=x, mark=np.array([0.0, 1.0]))["l"] == pytest.approx(1 / 4)


@pytest.mark.parametrize(("down", "forced", "reached"), [("", "", "xy"), ("false", "", "y"), ("false", "true", "xy")])
def test_propagate_down_keeps_gradients_from_a_bottom(down, forced, reached):
    asked = f"propagate_down: {down} propagate_down: true" if down else ""
    layer = f"layer {{ name: 'l' type: 'EuclideanLoss' bottom: 'x' bottom: 'y' top: 'l' {asked} }}"
    layers = (f"force_backward: {forced} " if forced else "") + layer
    assert set(gradients(layers, x=np.ones((2, 3)), y=np.zeros((2, 3)))) == set(reached)


def test_gains_from_a_file(stored):
    gains = np.array([[1, 0.5], [0, 2]])
    stored(caffe_pb2.BlobProto(num=1, channels=1, height=2, width=2, data=gains.ravel()).SerializeToString())
    x, label = np.log([[0.8, 0.2], [0.4, 0.6]]), np.array([0.0, 1.0])
    wanted = -(np.log(0.8) + 0.5 * np.log(0.2) + 2 * np.log(0.6)) / 2
    compiled = tcaffe.compile(inputs(x=x, label=label) + INFOGAIN)
    assert compiled(x=x, label=label)["l"] == pytest.approx(wanted, rel=1e-5)
    net = load_net(inputs(x=x, label=label) + INFOGAIN)
    assert not net.params and [p.node.name for p in net.parameters] == ["l.gains"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "0 numbers for the shape []"),
        (b"*\x08\0\0\0\0", "broken: a field of 8 bytes where 4 are left, at byte 0 of 6"),
        (b"layer {", "no array"),
        (
            caffe_pb2.BlobProto(shape={"dim": [2, 2]}, data=[1, 2, 3]).SerializeToString(),
            "3 numbers for the shape [2, 2]",
        ),
        (
            caffe_pb2.BlobProto(shape={"dim": [2**40, 2**40]}, data=[1] * 4).SerializeToString(),
            "4 numbers for the shape",
        ),
        (caffe_pb2.BlobProto(shape={"dim": [3, 3]}, data=[1] * 9).SerializeToString(), "holds 9 numbers"),
    ],
)
def test_broken_gains(stored, data, problem):
    stored(data)
    with pytest.raises(CompileError) as caught:
        load_net(inputs(x=np.zeros((2, 2)), label=np.zeros(2)) + INFOGAIN)
    assert problem in str(caught.value) and "infogain_loss_param { source: 'gains.binaryproto' }" in str(caught.value)
    assert caught.value.diagnostics[0].span.line == 4


def test_gains_are_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gains.binaryproto").mkdir()
    with pytest.raises(CompileError, match=r"E0501.*`gains.binaryproto` is not a file"):
        load_net(inputs(x=np.zeros((2, 2)), label=np.zeros(2)) + INFOGAIN)
