"""`tcaffe time`: every layer has its line, and the time of a kernel stands at one of them."""

from __future__ import annotations

import json

import pytest

TRAINED = """
layer { name: "d" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 4 dim: 3 dim: 9 dim: 9 } shape { dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def timed(cli, *arguments) -> dict:
    result = cli("time", *arguments, "--iterations", 3, "--json")
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_every_layer_has_a_line_and_every_kernel_a_leader(cli, net):
    found = timed(cli, net)
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert list(layers) == ["data", "conv1", "bn1", "scale1", "relu1", "left", "sum", "drop", "fc", "prob"]
    assert layers["relu1"]["within"] == ["conv1"] and layers["relu1"]["forward"] == 0
    assert sum(layer["forward"] for layer in found["layers"]) == pytest.approx(
        sum(kernel["seconds"] for kernel in found["kernels"])
    )
    assert not any(kernel["backward"] for kernel in found["kernels"])


def test_backward_is_timed_in_training(cli, tmp_path):
    (tmp_path / "net.prototxt").write_text(TRAINED)
    layers = {layer["name"]: layer for layer in timed(cli, tmp_path / "net.prototxt", "--phase", "TRAIN")["layers"]}
    for name in ("conv", "fc"):
        assert layers[name]["forward"] > 0 and layers[name]["backward"] > 0, name
    assert all(layer["backward"] == 0 for layer in timed(cli, tmp_path / "net.prototxt")["layers"])


def test_the_tables(cli, net):
    said = cli("time", net, "--iterations", 2, "--kernels").stdout
    assert "in conv1" in said and "GFLOP/s" in said and "a run, from" in said
