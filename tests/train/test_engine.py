"""The step as one program: what it trains to is what passes and updates one by one train to, and where it lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tcaffe
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import read_state
from tcaffe.ir import ops
from tcaffe.ir.target import cpu
from tcaffe.pycaffe.training import NetEngine
from tcaffe.schema import caffe_pb2
from tcaffe.train.engine import StepEngine
from tcaffe.train.rules import RULES

NET = """
name: "small"
layer { name: "in" type: "Input" top: "x" top: "label"
  input_param { shape { dim: 4 dim: 3 dim: 6 dim: 6 } shape { dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv" param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 4 kernel_size: 3 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "relu" type: "ReLU" bottom: "bn" top: "relu" }
layer { name: "frozen" type: "Scale" bottom: "relu" top: "frozen" param { lr_mult: 0 } }
layer { name: "fc1" type: "InnerProduct" bottom: "frozen" top: "fc1" param { name: "w" } param { name: "b" }
  inner_product_param { num_output: 64 weight_filler { type: "xavier" } } }
layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2" param { name: "w" } param { name: "b" }
  inner_product_param { num_output: 64 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }
"""


class Batches:
    """A feed of batches that repeat."""

    tops, shapes = ("x", "label"), {}

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(3, 4, 3, 6, 6)).astype(np.float32)
        self.label = rng.integers(0, 64, (3, 4))
        self.next = 0

    def batch(self, tops):
        self.next += 1
        return {"x": self.x[self.next % 3], "label": self.label[self.next % 3]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path / "net.prototxt"


def settings(**fields):
    fields = {"type": "SGD", "base_lr": 0.1, "momentum": 0.9, "weight_decay": 0.01} | fields
    if fields["type"] in ("AdaGrad", "RMSProp"):
        fields["momentum"] = 0
    return caffe_pb2.SolverParameter(lr_policy="fixed", **fields)


def one_by_one(file: Path, solver, start, iterations: int):
    """Parameters and memory after passes of a net, and updates on their own."""
    net, feed = tcaffe.Net(str(file), tcaffe.TRAIN), Batches()
    for name, value in start.items():
        if name in net._parameters.blobs:
            net._parameters.blobs[name].set(value)
    engine = NetEngine(net, solver)
    forward = engine.forward

    def fed() -> float:
        for name, value in feed.batch({}).items():
            net.blobs[name].data[...] = value
        return forward()

    engine.forward = fed
    losses = [engine.iterate(0.1) for _ in range(iterations)]
    return losses, {n: b.values for n, b in net._parameters.blobs.items()}, engine.memory


@pytest.mark.parametrize("fields", [
    *({"type": name} for name in RULES),
    {"regularization_type": "L1"},
    {"iter_size": 3},
    {"clip_gradients": 0.5},
    {"clip_gradients": 0.5, "iter_size": 2, "type": "Nesterov"},
], ids=str)  # fmt: skip
def test_one_program_trains_like_passes_and_updates(file, fields):
    solver = settings(**fields)
    engine = StepEngine(read_state(file, phase="TRAIN"), [Batches()], solver, target=cpu(2))
    start = {name: value.copy() for name, value in engine.values.items()}
    losses = [engine.iterate(0.1) for _ in range(4)]
    expected, values, memory = one_by_one(file, solver, start, 4)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for name, value in values.items():
        np.testing.assert_allclose(engine.values[name], value, rtol=1e-3, atol=1e-5, err_msg=name)
    for k, (found, wanted) in enumerate(zip(engine.memory, memory, strict=True)):
        np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-5, err_msg=str(k))


def test_parameters_are_updated_where_they_lie(file):
    program = StepEngine(read_state(file, phase="TRAIN"), [Batches()], settings(), target=cpu(2)).executable.program
    written = {program.places[v.name].buffer for k in program.kernels for v in k.outputs}
    learned = {"conv.w", "fc1.w", "fc1.b"}
    assert written >= learned | {f"{name}.memory" for name in learned} | {"bn.mean", "bn.var", "bn.factor"}
    assert not any(node.op is ops.assign for kernel in program.kernels for node in kernel.nodes)


def test_frozen_parameters_stay(file):
    engine = StepEngine(read_state(file, phase="TRAIN"), [Batches()], settings(), target=cpu(1))
    before = engine.values["frozen.scale"].copy() if "frozen.scale" in engine.values else None
    engine.iterate(0.1)
    name = next(n for n in engine.values if n.startswith("frozen."))
    np.testing.assert_array_equal(engine.values[name], 1 if before is None else before)


def test_a_budget_holds_for_training(file):
    net = read_state(file, phase="TRAIN")
    with pytest.raises(CompileError, match="E0615"):
        StepEngine(net, [Batches()], settings(), memory_budget=1000)


def test_inputs_nobody_feeds_are_told(file):
    with pytest.raises(CompileError, match="E0806: nothing brings data for the input `x`"):
        StepEngine(read_state(file, phase="TRAIN"), [], settings())
