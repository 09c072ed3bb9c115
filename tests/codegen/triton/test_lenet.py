"""LeNet with its trained weights: the emitted kernels classify digits as the interpreter of the IR does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcaffe.codegen.triton import choices
from tcaffe.frontend.load import load_net
from tcaffe.frontend.parameters import parameter_values
from tests.codegen.triton.run import Case, compile_for, interpret

EXAMPLE = Path(__file__).parents[3] / "examples" / "lenet"
SHARED_MEMORY = {80: 166912, 90: 232448}
"""Bytes a program may have."""


def lenet(batch: int) -> Case:
    """The net with its trained weights and as many digits, as they are fed to it."""
    net = load_net(EXAMPLE / "deploy.prototxt", inputs={"data": (batch, 1, 28, 28)})
    weights = parameter_values(net, EXAMPLE / "lenet_digits.caffemodel", np.random.default_rng(0))
    with np.load(EXAMPLE / "digits.npz") as digits:
        small = digits["images"][:batch] / 16.0
    images = np.pad(small.repeat(3, 1).repeat(3, 2), [(0, 0), (2, 2), (2, 2)])[:, None]
    graph = net.graph.with_outputs({name: net.blobs[name] for name in net.outputs})
    return Case(graph, {**weights, "data": images})


@pytest.fixture
def big_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few programs: the interpreter takes its time for each, however large it is."""
    monkeypatch.setattr(choices, "PROGRAMS", 1)
    monkeypatch.setattr(choices, "BLOCK", 16384)
    monkeypatch.setattr(choices, "TILE", 512)


def test_digits_are_recognised(tmp_path: Path, big_blocks: None) -> None:
    nets = {batch: lenet(batch) for batch in (1, 3, 4)}
    found = interpret({str(batch): net.write(tmp_path / str(batch)) for batch, net in nets.items()})
    for batch, net in nets.items():
        net.check(found[str(batch)])
    with np.load(EXAMPLE / "digits.npz") as digits:
        assert found["4"]["prob"].argmax(1).tolist() == digits["labels"][:4].tolist()


@pytest.mark.parametrize("architecture", [80, 90])
def test_every_kernel_compiles_ahead_of_time(architecture: int, tmp_path: Path) -> None:
    report = compile_for(architecture, lenet(64).write(tmp_path / "lenet"))
    assert list(report) == ["conv1", "pool1", "conv2", "pool2", "ip1_relu1", "ip2", "prob"]
    for kernel, needs in report.items():
        assert needs["stack"] == 0, f"{kernel} spills registers"
        assert needs["reg"] <= 128 and needs["shared"] <= SHARED_MEMORY[architecture], kernel
