"""`tcaffe time`: every layer has its line, and every kernel counts once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TRAIN = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { dim: 4 } } }
layer { name: "d" type: "Convolution" bottom: "data" top: "d"
  convolution_param { num_output: 5 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "d" top: "d" }
layer { name: "fc" type: "InnerProduct" bottom: "d" top: "fc"
  inner_product_param { num_output: 7 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


@pytest.fixture
def train_net(tmp_path: Path) -> str:
    """A net with a loss, one of whose layers is called as gradients are."""
    (tmp_path / "train.prototxt").write_text(TRAIN)
    return str(tmp_path / "train.prototxt")


def test_every_layer_has_a_line_and_tells_what_its_kernels_compute_besides(cli, net) -> None:
    result = cli("time", net, "--iterations", 2)
    assert result.exit_code == 0
    heading, *lines = result.stdout.split("\n\n")[0].splitlines()
    assert heading.split() == ["layer", "type", "forward", "share", "GFLOP/s", "kernels", "shared"]
    assert [line.split()[0] for line in lines] == [
        "data", "conv1", "bn1", "scale1", "relu1", "left", "sum", "drop", "fc", "prob",
    ]  # fmt: skip
    assert lines[1].endswith("with bn1 + scale1 + relu1")
    assert lines[4].endswith("in those of conv1")
    assert result.stdout.splitlines()[-1].startswith("tiny: forward ")


def test_kernels(cli, net) -> None:
    tables = cli("time", net, "--iterations", 2, "--kernels").stdout.split("\n\n")
    assert tables[1].splitlines()[0].split() == ["kernel", "time", "share", "FLOP", "GFLOP/s", "layers"]
    assert tables[1].splitlines()[1].endswith("conv1 + bn1 + scale1 + relu1")


def test_training_runs_backward(cli, train_net) -> None:
    found = json.loads(cli("time", train_net, "--phase", "TRAIN", "--iterations", 3, "--json").stdout)
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert found["iterations"] == 3
    assert found["passes"].keys() == {"forward", "backward"}
    assert layers["d"]["forward"] > 0 and layers["d"]["backward"] > 0
    assert layers["data"]["forward"] == layers["data"]["backward"] == 0
    conv, fc = 2 * 4 * 5 * 64 * 27, 2 * 4 * 7 * 320
    assert layers["d"]["flops"] == pytest.approx(2 * conv, rel=0.1)  # the data need no gradient
    assert layers["fc"]["flops"] == pytest.approx(3 * fc, rel=0.1)


def test_every_kernel_counts_for_one_layer(cli, train_net) -> None:
    found = json.loads(cli("time", train_net, "--phase", "TRAIN", "--iterations", 1, "--json").stdout)
    for name in ("forward", "backward"):
        kernels = sum(kernel["seconds"] for kernel in found["kernels"] if kernel["pass"] == name)
        assert sum(layer[name] for layer in found["layers"]) == pytest.approx(kernels)
        assert found["passes"][name] == pytest.approx(kernels)


def test_without_a_loss_there_is_nothing_to_run_backward(cli, net) -> None:
    result = cli("time", net, "--phase", "TRAIN", "--iterations", 1)
    assert "no loss in this phase: forward only" in result.stderr
    assert "backward" not in result.stdout


def test_the_batch_is_the_users(cli, net, train_net) -> None:
    def work(*arguments: str) -> float:
        found = json.loads(cli("time", *arguments, "--iterations", 1, "--json").stdout)
        return sum(layer["flops"] for layer in found["layers"])

    assert work(net, "--batch", "6") == pytest.approx(3 * work(net))
    assert work(train_net, "--batch", "8") == pytest.approx(2 * work(train_net), rel=0.01)
