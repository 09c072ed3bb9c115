"""`tcaffe plot`: what is read from metrics and logs, and what is drawn of it."""

from __future__ import annotations

import json
import math
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tcaffe.cli.curves import Curve, Key, Run, read_run
from tcaffe.diagnostics import CompileError

LOG = """\
I0210 13:39:22.381027 25210 solver.cpp:289] Solving LeNet
I0210 13:39:22.381100 25210 solver.cpp:347] Iteration 0, Testing net (#0)
I0210 13:39:25.381027 25210 solver.cpp:414]     Test net output #0: accuracy = 0.0919
I0210 13:39:25.381027 25210 solver.cpp:414]     Test net output #1: a = 2.25 (* 1 = 2.25 loss)
I0210 13:39:25.381027 25210 solver.cpp:414]     Test net output #2: b = 1 (* 0.5 = 0.5 loss)
I0210 13:39:26.381027 25210 solver.cpp:239] Iteration 0 (-4.2e-43 iter/s, 0.1s/100 iters), loss = 2.39
I0210 13:39:26.381027 25210 solver.cpp:258]     Train net output #0: loss = 2.5 (* 1 = 2.5 loss)
I0210 13:39:26.381027 25210 sgd_solver.cpp:112] Iteration 0, lr = 0.01
I0210 13:39:29.381027 25210 solver.cpp:239] Iteration 100 (30 iter/s, 3s/100 iters), loss = nan
I0210 13:39:29.381027 25210 sgd_solver.cpp:112] Iteration 100, lr = 1e-05
I0210 13:39:29.381027 25210 sgd_solver.cpp:112] Iteration 200, lr = 1"""


def train(iteration: int, loss: float | None, **more: object) -> str:
    return json.dumps({"iteration": iteration, "phase": "train", "loss": loss, "lr": 0.1, **more}) + "\n"


def run_of(tmp_path: Path, text: str) -> Run:
    (tmp_path / "run").write_text(text)
    return read_run(tmp_path / "run")


def points(run: Run, *key: object) -> list[tuple[int, float]]:
    curve = run.curves[Key(*key)]
    return list(zip(curve.iterations, curve.values, strict=True))


def test_metrics(tmp_path: Path) -> None:
    test = {"iteration": 0, "phase": "test", "test_net": 1, "loss": 3.0, "outputs": {"accuracy": 0.5, "prob": [1, 2]}}
    run = run_of(tmp_path, train(0, 2.5, outputs={"ip": 2.5}, unknown={"a": []}) + json.dumps(test) + "\n")
    assert points(run, "loss") == [(0, 2.5)] and points(run, "lr") == [(0, 0.1)] and points(run, "ip") == [(0, 2.5)]
    assert points(run, "accuracy", 1) == [(0, 0.5)] and points(run, "loss", 1) == [(0, 3.0)]
    assert len(run.curves) == 5


def test_a_last_line_that_is_being_written_is_no_fault(tmp_path: Path) -> None:
    run = run_of(tmp_path, train(0, 1.0) + train(1, 0.5)[:20])
    assert points(run, "loss") == [(0, 1.0)] and run.unread == 0


def test_other_lines_that_are_cut_are_counted(tmp_path: Path) -> None:
    run = run_of(tmp_path, train(0, 1.0) + '{"iter' + train(1, 0.5) + "{}\n[1]\n\n" + train(2, 0.25))
    assert points(run, "loss") == [(0, 1.0), (2, 0.25)] and run.unread == 1


def test_what_followed_a_snapshot_is_replaced(tmp_path: Path) -> None:
    run = run_of(tmp_path, "".join(train(i, v) for i, v in [(0, 9), (10, 8), (20, 7), (10, 6), (15, 5)]))
    assert points(run, "loss") == [(0, 9), (10, 6), (15, 5)]


def test_a_loss_that_is_no_number_is_a_gap(tmp_path: Path) -> None:
    assert math.isnan(points(run_of(tmp_path, train(0, None)), "loss")[0][1])


def test_the_log_of_the_original(tmp_path: Path) -> None:
    run = run_of(tmp_path, LOG)
    assert points(run, "lr") == [(0, 0.01), (100, 1e-5), (200, 1)]
    assert points(run, "loss")[0] == (0, 2.39) and math.isnan(points(run, "loss")[1][1])
    assert points(run, "accuracy", 0) == [(0, 0.0919)]
    assert points(run, "loss", 0) == [(0, 2.75)]


@pytest.mark.parametrize("text", [
    "", "\0\1", "[" * 100_000, "{" * 1000, '{"iteration": 1e400}', '{"iteration": true, "loss": 1}',
    '{"iteration": 5, "phase": "test", "test_net": {}, "loss": 1}', f'{{"iteration": 1, "loss": 1{"0" * 5000}}}',
    "x] Iteration 99999999999999999999999, loss = 1", "x] Iteration 1 (, loss = 1.2.3",
])  # fmt: skip
def test_files_without_measurements(tmp_path: Path, text: str) -> None:
    with pytest.raises(CompileError, match="E0625"):
        run_of(tmp_path, text)


@pytest.mark.parametrize("piece", ["x] Train net output #1: a", "x] Iteration 1 (", " = ", "] ", "{", "x" * 10])
def test_long_lines_take_no_time(tmp_path: Path, piece: str) -> None:
    start = time.process_time()
    run_of(tmp_path, piece * (1_000_000 // len(piece)) + "\n" + piece * (3_000_000 // len(piece)) + "\n" + train(1, 2))
    assert time.process_time() - start < 2


def test_smoothing_is_the_mean_around() -> None:
    curve = Curve([0, 1, 2, 3], [4.0, math.nan, 2.0, 6.0])
    np.testing.assert_allclose(curve.smoothed(3), [4, 3, 4, 4])
    np.testing.assert_array_equal(curve.smoothed(1), curve.values)


@pytest.fixture
def metrics(tmp_path: Path) -> str:
    path = tmp_path / "<run> $1.jsonl"
    path.write_text("".join(train(i, 1 / (i + 1), outputs={"_top & co": i}) for i in range(5)))
    return str(path)


@pytest.mark.parametrize("kind", ["png", "svg", "html"])
def test_pictures(cli, tmp_path: Path, metrics: str, kind: str) -> None:
    log, out = tmp_path / "old.log", tmp_path / f"curves.{kind}"
    log.write_text(LOG)
    result = cli("plot", metrics, log, "-o", out, "--smooth", 3)
    assert result.exit_code == 0 and result.stdout == f"{out}: 9 curves of 2 runs\n"
    data = out.read_bytes()
    if kind == "png":
        assert data.startswith(b"\x89PNG")
        return
    if kind == "svg":
        words = "".join(ElementTree.fromstring(data).itertext())
    else:
        page = Words()
        page.feed(data.decode())
        words = page.text
        assert b"<run>" not in data and b"src=" not in data and b"<script" not in data
    for said in ("<run> $1.jsonl: loss", "old.log: test loss", "learning rate", "iteration", "_top & co", "accuracy"):
        assert said in words


class Words(HTMLParser):
    """The text of a page."""

    text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def test_runs_of_one_name_are_told_apart(cli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.jsonl").write_text(train(0, 1) + train(1, 2))
    cli("plot", *tmp_path.glob("*/run.jsonl"), "-o", tmp_path / "c.svg")
    words = (tmp_path / "c.svg").read_text()
    assert "a/run.jsonl: loss" in words and "b/run.jsonl: loss" in words


def test_what_it_refuses(cli, tmp_path: Path, metrics: str) -> None:
    assert cli("plot", metrics, "-o", tmp_path / "x.gif").exit_code == 2
    assert cli("plot", tmp_path / "none", "-o", tmp_path / "x.png").exit_code == 1
    empty = tmp_path / "empty"
    empty.write_text("hello\n")
    result = cli("plot", metrics, empty, "-o", tmp_path / "x.png")
    assert result.exit_code == 1 and "E0625" in result.stderr and not (tmp_path / "x.png").exists()
