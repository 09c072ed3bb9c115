"""`tcaffe train`: what it says, writes and goes on from, and how it is stopped."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tcaffe.frontend.weights import read_weights

NET = """
name: "line"
layer {{ name: "data" type: "HDF5Data" top: "x" top: "y" hdf5_data_param {{ source: "{source}" batch_size: 8 }} }}
layer {{ name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
  inner_product_param {{ num_output: 1 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "y" top: "loss" }}
"""
SOLVER = """
net: "{folder}/net.prototxt" base_lr: 0.1 lr_policy: "fixed" momentum: 0.9 max_iter: {iterations} display: 20
test_iter: 2 test_interval: 30 snapshot: 50 snapshot_prefix: "{folder}/{name}" random_seed: 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with data of a line, and a net that finds it."""
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("f")
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["x"], file["y"] = x, x @ [[2.0], [-1.0]] + 0.5
    (tmp_path / "list.txt").write_text(str(tmp_path / "rows.h5"))
    (tmp_path / "net.prototxt").write_text(NET.format(source=tmp_path / "list.txt"))
    return tmp_path


def solver(folder: Path, iterations: int = 100, name: str = "line") -> Path:
    path = folder / "solver.prototxt"
    path.write_text(SOLVER.format(folder=folder, iterations=iterations, name=name))
    return path


def weights(folder: Path, iteration: int) -> np.ndarray:
    layers = {layer.name: layer for layer in read_weights(folder / f"line_iter_{iteration}.caffemodel")}
    return np.concatenate([np.ravel(blob.data) for blob in layers["fc"].blobs])


def test_a_line_is_found(cli, folder):
    result = cli("train", solver(folder))
    assert result.exit_code == 0 and "done after 100 iterations" in result.stderr
    np.testing.assert_allclose(weights(folder, 100), [2, -1, 0.5], atol=1e-2)
    lines = result.stderr.splitlines()
    assert any(re.match(r"iteration 20  loss \S+  lr 0.1", line) for line in lines)
    assert any(re.match(r"iteration 30  test 0  loss \S+", line) for line in lines)


def test_the_log_is_the_originals(cli, folder):
    said = cli("train", solver(folder), "--log").stderr
    for pattern in (
        r"I\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ solver.cpp:\d+\] Solving line", r"\] Learning Rate Policy: fixed",
        r"\] Iteration 0, Testing net \(#0\)", r"\]     Test net output #0: loss = \S+ \(\* 1 = \S+ loss\)",
        r"\] Iteration 20 \(\S+ iter/s, \S+s/20 iters\), loss = \S+", r"\] Iteration 20, lr = 0.1",
        r"\] Snapshotting to binary proto file .*line_iter_50.caffemodel", r"\] Optimization Done\.",
    ):  # fmt: skip
        assert re.search(pattern, said), pattern


def test_measurements_are_appended(cli, folder):
    for _ in range(2):
        cli("train", solver(folder), "--metrics", folder / "m.jsonl")
    records = [json.loads(line) for line in (folder / "m.jsonl").read_text().splitlines()]
    trained = [(r["iteration"], r["lr"]) for r in records if r["phase"] == "train"]
    assert trained == 2 * [(k, pytest.approx(0.1)) for k in range(0, 100, 20)]
    assert [r["iteration"] for r in records if r["phase"] == "test"] == 2 * [0, 30, 60, 90]


def test_training_goes_on_from_a_snapshot(cli, folder):
    cli("train", solver(folder))
    whole = weights(folder, 100)
    (folder / "line_iter_100.caffemodel").unlink()
    result = cli("train", solver(folder), "--snapshot", folder / "line_iter_50.solverstate")
    assert "from " in result.stderr and result.exit_code == 0
    np.testing.assert_array_equal(weights(folder, 100), whole)


def test_weights_are_taken_by_name_and_others_start_anew(cli, folder):
    cli("train", solver(folder))
    renamed = (folder / "net.prototxt").read_text().replace('name: "fc"', 'name: "fresh"')
    frozen = NET.format(source=folder / "list.txt").replace('top: "fc"', 'top: "fc" param { lr_mult: 0 }')
    for text, kept in ((renamed, False), (frozen, True)):
        (folder / "net.prototxt").write_text(text)
        before = weights(folder, 100)
        result = cli("train", solver(folder, 1, "new"), "--weights", folder / "line_iter_100.caffemodel")
        assert result.exit_code == 0
        layers = {layer.name: layer for layer in read_weights(folder / "new_iter_1.caffemodel")}
        if kept:
            np.testing.assert_array_equal(np.ravel(layers["fc"].blobs[0].data), before[:2])
        else:
            assert np.abs(np.ravel(layers["fresh"].blobs[0].data) - before[:2]).max() > 0.01


def test_what_cannot_be_trained_is_told(cli, folder, net):
    assert "E0805" in cli("train", solver(folder), "--snapshot", folder / "none.solverstate").stderr
    assert cli("train", solver(folder), "--snapshot", "a", "--weights", "b").exit_code == 2
    (folder / "net.prototxt").write_text(Path(net).read_text())
    result = cli("train", solver(folder))
    assert result.exit_code == 1 and ("E0806" in result.stderr or "E0613" in result.stderr)
    (folder / "list.txt").write_text("nowhere.h5")
    (folder / "net.prototxt").write_text(NET.format(source=folder / "list.txt"))
    assert "E0610" in cli("train", solver(folder)).stderr


@pytest.mark.parametrize("sent, effect, goes_on", [
    (signal.SIGINT, None, False),
    (signal.SIGINT, "snapshot", True),
    (signal.SIGHUP, None, True),
    (signal.SIGHUP, "stop", False),
])  # fmt: skip
def test_signals(folder, sent, effect, goes_on):
    name = "--sigint-effect" if sent == signal.SIGINT else "--sighup-effect"
    options = [name, effect] if effect else []
    file = solver(folder, 100_000_000).read_text().replace("snapshot: 50", "")
    (folder / "solver.prototxt").write_text(file)
    job = subprocess.Popen(
        [sys.executable, "-m", "tcaffe.cli", "train", str(folder / "solver.prototxt"), "--log", *options],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for line in job.stderr:
            if "Iteration 20 " in line:
                break
        job.send_signal(sent)
        deadline = time.monotonic() + 30
        while not list(folder.glob("line_iter_*.solverstate")):
            assert time.monotonic() < deadline and (not goes_on or job.poll() is None)
            time.sleep(0.05)
        if goes_on:
            assert job.poll() is None
        else:
            said = job.communicate(timeout=30)[1]
            assert job.returncode == 0 and "Optimization stopped early." in said
    finally:
        job.kill()
        job.communicate()


HALVING = """
import tcaffe

class Halving(tcaffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = 0.5 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 0.5 * top[0].diff
"""


def test_python_layers_run_if_they_are_allowed_to(cli, folder, monkeypatch):
    (folder / "layers_of_mine.py").write_text(HALVING)
    monkeypatch.syspath_prepend(folder)
    layer = 'layer { name: "twice" type: "Python" bottom: "fc" top: "twice" python_param {'
    layer += ' module: "layers_of_mine" layer: "Halving" } }\nlayer { name: "loss"'
    text = (folder / "net.prototxt").read_text().replace('layer { name: "loss"', layer)
    text = text.replace('type: "EuclideanLoss" bottom: "fc"', 'type: "EuclideanLoss" bottom: "twice"')
    (folder / "net.prototxt").write_text(text)
    refused = cli("train", solver(folder))
    assert refused.exit_code == 1 and "--allow-python" in refused.stderr
    result = cli("train", solver(folder), "--allow-python")
    assert result.exit_code == 0 and "done after 100 iterations" in result.stderr
    np.testing.assert_allclose(weights(folder, 100), [4, -2, 1], atol=0.2)
