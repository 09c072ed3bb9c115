"""`tcaffe plot`: curves read from measurements and logs, and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tcaffe.cli.curves import read_run, smoothed
from tcaffe.diagnostics import CompileError

RECORDS = [
    {"iteration": 0, "phase": "train", "loss": 2.0, "lr": 0.1, "outputs": {"loss": 2.0}, "seconds": 1, "new": "key"},
    {"iteration": 0, "phase": "test", "test_net": 1, "loss": 2.5, "outputs": {"accuracy": 0.1, "vector": [1, 2]}},
    {"iteration": 10, "phase": "train", "loss": None, "lr": 0.01, "outputs": {"loss": None}},
    {"iteration": 20, "phase": "train", "loss": 1.0, "lr": 0.01, "outputs": {"loss": 1.0}},
]

LOG = """
I0210 13:39:22.381027 25210 solver.cpp:330] Iteration 0, Testing net (#0)
I0210 13:39:25.069965 25210 solver.cpp:397]     Test net output #0: accuracy = 0.0639
I0210 13:39:25.070006 25210 solver.cpp:397]     Test net output #1: loss = 2.33 (* 1 = 2.33 loss)
I0210 13:39:25.109439 25210 solver.cpp:218] Iteration 0 (0 iter/s, 2.7s/100 iters), loss = 2.34
I0210 13:39:25.109481 25210 solver.cpp:237]     Train net output #0: loss = 2.34 (* 1 = 2.34 loss)
I0210 13:39:25.109511 25210 sgd_solver.cpp:105] Iteration 0, lr = 0.01
I0210 13:39:30.861078 25210 solver.cpp:218] Iteration 100 (17 iter/s, 5.7s/100 iters), loss = nan
"""


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    path = tmp_path / "run <1>.jsonl"
    path.write_text("\n".join(map(json.dumps, RECORDS)) + '\n{"iteration": 30, "phase": "tr')
    return path


def test_measurements_become_curves(metrics):
    assert read_run(metrics).curves == {
        "train loss": ([0, 20], [2.0, 1.0]),
        "lr": ([0, 10, 20], [0.1, 0.01, 0.01]),
        "test 1 loss": ([0], [2.5]),
        "test 1 accuracy": ([0], [0.1]),
    }


def test_logs_become_curves(tmp_path):
    (tmp_path / "caffe.log").write_text(LOG)
    found = read_run(tmp_path / "caffe.log").curves
    assert found["test 0 accuracy"] == ([0], [0.0639]) and found["test 0 loss"] == ([0], [2.33])
    assert found["train loss"][0] == [0, 100] and found["lr"] == ([0], [0.01])


@pytest.mark.parametrize("ending", ["png", "svg", "html"])
def test_curves_are_drawn(cli, metrics, tmp_path, ending):
    result = cli("plot", metrics, metrics, "--smooth", "0.5", "-o", tmp_path / f"out.{ending}")
    assert result.exit_code == 0 and "test 1 accuracy" in result.stderr
    start = (tmp_path / f"out.{ending}").read_bytes()[:200]
    assert {"png": b"\x89PNG", "svg": b"<svg", "html": b"<!doctype html>"}[ending] in start or b"<?xml" in start
    if ending == "html":
        assert "run &lt;1&gt;" in (tmp_path / "out.html").read_text()


def test_smoothing_starts_at_the_first_value_and_ends_near_the_mean():
    values = smoothed([4.0, *np.tile([0.0, 2.0], 200)], 0.9)
    assert values[0] == 4 and values[-1] == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(smoothed([3.0, 1.0], 0), [3, 1])


def test_what_cannot_be_drawn_is_told(cli, metrics, tmp_path):
    (tmp_path / "other.txt").write_text("nothing of the kind")
    with pytest.raises(CompileError, match="E0809"):
        read_run(tmp_path / "other.txt")
    result = cli("plot", metrics, "-o", tmp_path / "out.xyz")
    assert result.exit_code == 1 and "E0809" in result.stderr and "png" in result.stderr
    assert cli("plot", tmp_path / "none.jsonl").exit_code == 1
