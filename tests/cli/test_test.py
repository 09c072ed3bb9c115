"""`tcaffe test`: means over the batches that a net's own layers read."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

NET = """
layer {{ name: "data" type: "HDF5Data" top: "x" top: "label" hdf5_data_param {{ source: "{source}" batch_size: 4 }} }}
layer {{ name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
  inner_product_param {{ num_output: 3 weight_filler {{ type: "constant" value: 1 }} }} }}
layer {{ name: "sum" type: "Reduction" bottom: "fc" top: "sum" reduction_param {{ operation: MEAN }} loss_weight: 2 }}
layer {{ name: "first" type: "Reduction" bottom: "label" top: "first" }}
"""


@pytest.fixture
def data_net(tmp_path: Path) -> str:
    """Twelve rows; the first four are larger than the rest."""
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["x"] = np.r_[np.full((4, 2), 3), np.ones((8, 2))].astype("f")
        file["label"] = np.arange(12, dtype="f")
    (tmp_path / "list.txt").write_text(str(tmp_path / "rows.h5"))
    (tmp_path / "net.prototxt").write_text(NET.format(source=tmp_path / "list.txt"))
    return str(tmp_path / "net.prototxt")


def test_outputs_are_means_over_batches(cli, data_net):
    result = cli("test", data_net, "--iterations", 3, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["outputs"] == {"first": 22.0, "sum": pytest.approx((6 + 2 + 2) / 3)}
    assert found["loss"] == pytest.approx(2 * (6 + 2 + 2) / 3)


def test_the_log_is_the_originals(cli, data_net):
    lines = cli("test", data_net, "--iterations", 2, "--log").stderr.splitlines()
    told = [line.split("] ", 1)[1] for line in lines if "caffe.cpp" in line]
    assert told == [
        "Running for 2 iterations.", "Batch 0, first = 6", "Batch 0, sum = 6", "Batch 1, first = 22",
        "Batch 1, sum = 2", "Loss: 8", "first = 14", "sum = 4 (* 2 = 8 loss)",
    ]  # fmt: skip


def test_weights_may_be_a_list(cli, data_net, tmp_path):
    result = cli("test", data_net, "-w", f"{tmp_path / 'a'},{tmp_path / 'b'}")
    assert result.exit_code == 1 and "E0" in result.stderr and str(tmp_path / "a") in result.stderr


def test_inputs_nobody_fills_are_told(cli, net):
    result = cli("test", net)
    assert result.exit_code == 1 and "E0806" in result.stderr and "`data`" in result.stderr
