"""`tcaffe train`: what it writes and says, what it goes on from, how it stops."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tcaffe.cli.training import Signals
from tcaffe.frontend.weights import read_weights

h5py = pytest.importorskip("h5py")

NET = """
name: "sides"
layer {{ name: "data" type: "HDF5Data" top: "x" top: "label"
  hdf5_data_param {{ source: "{folder}/list.txt" batch_size: 8 }} }}
layer {{ name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
  inner_product_param {{ num_output: 2 weight_filler {{ type: "gaussian" std: 0.1 }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }}
layer {{ name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy" include {{ phase: TEST }} }}
layer {{ name: "extra" type: "Power" bottom: "loss" top: "extra" include {{ stage: "more" }} }}
"""
SOLVER = """
net: "{folder}/net.prototxt"
base_lr: 0.5 lr_policy: "step" gamma: 0.1 stepsize: 10 momentum: 0.9
test_iter: 2 test_interval: 10
display: 5 max_iter: {iterations}
snapshot: 10 snapshot_prefix: "{folder}/sides" snapshot_format: {format}
random_seed: 7
"""
Write = Callable[..., Path]


@pytest.fixture
def solver(tmp_path: Path) -> Write:
    """Writes a solver that learns on which side of a line points lie; its path."""
    points = np.random.default_rng(0).standard_normal((32, 2)).astype("f")
    with h5py.File(tmp_path / "points.h5", "w") as file:
        file["x"], file["label"] = points, (points.sum(1) > 0).astype("f")
    (tmp_path / "list.txt").write_text(str(tmp_path / "points.h5"))
    (tmp_path / "net.prototxt").write_text(NET.format(folder=tmp_path))

    def write(text: str = SOLVER, *, iterations: int = 20, kind: str = "BINARYPROTO", more: str = "") -> Path:
        path = tmp_path / "solver.prototxt"
        path.write_text(text.format(folder=tmp_path, iterations=iterations, format=kind) + more)
        return path

    return write


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def logged(stderr: str) -> list[str]:
    """The log's lines, without prefix and times."""
    prefix = re.compile(r"I\d{4} [\d:.]+ +\d+ \w+\.cpp:\d+\] ")
    lines = [prefix.sub("", line) for line in stderr.splitlines() if prefix.match(line)]
    return [re.sub(r" \(\S+ iter/s, \S+ iters\)", "", line) for line in lines]


def numbers(path: Path) -> dict[str, list[bytes]]:
    """The parameters in a file, by layer."""
    return {layer.name: [blob.data.tobytes() for blob in layer.blobs] for layer in read_weights(path)}


# ── what it writes and says ─────────────────────────────────────────────────────────────────────────


def test_metrics_are_a_record_a_line(cli, solver, tmp_path) -> None:
    result = cli("train", solver(), "--metrics", tmp_path / "run.jsonl")
    assert result.exit_code == 0
    found = records(tmp_path / "run.jsonl")
    train = [each for each in found if each["phase"] == "train"]
    test = [each for each in found if each["phase"] == "test"]
    assert [each["iteration"] for each in train] == [0, 5, 10, 15]
    assert [each["lr"] for each in train] == pytest.approx([0.5, 0.5, 0.05, 0.05])
    assert [(each["iteration"], each["test_net"]) for each in test] == [(0, 0), (10, 0), (20, 0)]
    assert test[-1]["outputs"]["accuracy"] >= 0.9 > test[0]["outputs"]["accuracy"]
    assert train[-1]["loss"] < train[0]["loss"] / 2
    assert all(each["outputs"].keys() == {"loss"} for each in train)
    seconds = [each["seconds"] for each in found]
    assert seconds == sorted(seconds) and seconds[0] >= 0


def test_metrics_are_added_to_those_of_a_run_before(cli, solver, tmp_path) -> None:
    (tmp_path / "run.jsonl").write_text('{"iteration": -1}\n')
    assert cli("train", solver(iterations=1), "--metrics", tmp_path / "run.jsonl").exit_code == 0
    assert [each["iteration"] for each in records(tmp_path / "run.jsonl")] == [-1, 0, 0]


def test_a_pipe_gets_a_line_a_measurement(cli, solver) -> None:
    lines = cli("train", solver()).stderr.splitlines()
    assert lines[0].startswith("sides: ") and "kernels an iteration" in lines[0]
    assert re.fullmatch(r"iteration 0  test 0  accuracy \S+  loss \S+", lines[1])
    assert re.fullmatch(r"iteration 0  loss \S+  lr 0\.5", lines[2].rstrip())
    assert lines[-1] == "done after 20 iterations"


def test_the_log_is_the_originals(cli, solver, tmp_path) -> None:
    lines = logged(cli("train", solver(), "--log").stderr)
    number = r"[\d.e+-]+"
    expected = [
        "Solving sides", "Learning Rate Policy: step",
        r"Iteration 0, Testing net \(#0\)", rf"    Test net output #0: accuracy = {number}",
        rf"    Test net output #1: loss = {number} \(\* 1 = {number} loss\)",
        rf"Iteration 0, loss = {number}", rf"    Train net output #0: loss = {number} \(\* 1 = {number} loss\)",
        "Iteration 0, lr = 0.5",
    ]  # fmt: skip
    for pattern, line in zip(expected, lines, strict=False):
        assert re.fullmatch(pattern, line), line
    assert f"Snapshotting to binary proto file {tmp_path}/sides_iter_10.caffemodel" in lines
    assert f"Snapshotting solver state to binary proto file {tmp_path}/sides_iter_20.solverstate" in lines
    assert lines[-1] == "Optimization Done."


def test_stage_and_level_are_those_of_the_train_net(cli, solver, tmp_path) -> None:
    assert cli("train", solver(iterations=1), "--stage", "more", "--metrics", tmp_path / "run.jsonl").exit_code == 0
    test, train = records(tmp_path / "run.jsonl")[:2]
    assert "extra" in train["outputs"] and "extra" not in test["outputs"]


# ── what it goes on from ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "ending"), [("BINARYPROTO", ""), ("HDF5", ".h5")])
def test_training_goes_on_from_a_snapshot_as_if_it_had_not_stopped(
    cli, solver, tmp_path, kind: str, ending: str
) -> None:
    final = tmp_path / f"sides_iter_20.caffemodel{ending}"
    assert cli("train", solver(kind=kind)).exit_code == 0
    whole = numbers(final)
    final.unlink()
    state = tmp_path / f"sides_iter_10.solverstate{ending}"
    result = cli("train", solver(kind=kind), "--snapshot", state, "--metrics", tmp_path / "rest.jsonl")
    assert result.exit_code == 0
    assert f"from {state}" in result.stderr
    assert records(tmp_path / "rest.jsonl")[0]["iteration"] == 10
    assert numbers(final) == whole


def test_weights_are_where_training_begins(cli, solver, tmp_path) -> None:
    trained = tmp_path / "sides_iter_20.caffemodel"
    assert cli("train", solver()).exit_code == 0
    result = cli("train", solver(iterations=1), "--weights", trained, "--metrics", tmp_path / "run.jsonl")
    assert result.exit_code == 0
    assert records(tmp_path / "run.jsonl")[0]["outputs"]["accuracy"] >= 0.9


def test_a_snapshot_has_its_weights(cli, solver, tmp_path) -> None:
    for more in (["--weights", tmp_path / "b"], ["--resume"]):
        result = cli("train", solver(), "--snapshot", tmp_path / "a", *more)
        assert result.exit_code == 2 and "give one of --snapshot, --resume and --weights" in result.stderr


# ── what it refuses ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('net: "{folder}/gone.prototxt" base_lr: 1 lr_policy: "fixed" max_iter: 1', "E0604"),
        ('net: "{folder}/net.prototxt" base_lr: 1 lr_policy: "stepp" max_iter: 1', "did you mean `step`?"),
        ('net: "{folder}/net.prototxt" base_lr: 1 lr_policy: "fixed" typ: "SGD"', "solver.prototxt:1:"),
        ("net: ", "error E0"),
        ("base_lr: 1", "E0801"),
    ],
)
def test_solvers_that_are_wrong(cli, solver, text: str, message: str) -> None:
    result = cli("train", solver(text))
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_files_that_are_not_what_they_are_given_as(cli, solver, tmp_path) -> None:
    (tmp_path / "junk").write_bytes(b"\xff\x00 no such thing")
    for option, code in (("--snapshot", "E0805"), ("--weights", "error E0")):
        result = cli("train", solver(), option, tmp_path / "junk")
        assert result.exit_code == 1 and code in result.stderr and f"{tmp_path}/junk" in result.stderr
    assert cli("train", tmp_path / "gone.prototxt").exit_code == 1


def test_a_snapshot_of_another_rule_is_refused(cli, solver, tmp_path) -> None:
    assert cli("train", solver(iterations=10)).exit_code == 0
    result = cli("train", solver(more='type: "Adam"'), "--snapshot", tmp_path / "sides_iter_10.solverstate")
    assert result.exit_code == 1 and "it is of another net, or another rule" in result.stderr


def test_data_that_is_gone_is_told_before_training(cli, solver, tmp_path) -> None:
    path = solver()
    (tmp_path / "points.h5").unlink()
    result = cli("train", path)
    assert result.exit_code == 1 and "points.h5" in result.stderr


def test_more_memory_than_allowed_is_not_taken(cli, solver) -> None:
    result = cli("train", solver(), "--memory-budget", "100B")
    assert result.exit_code == 1 and "E0615" in result.stderr


def test_snapshots_that_cannot_be_written_are_told_before_training(cli, solver, tmp_path) -> None:
    path = solver(SOLVER.replace("{folder}/sides", "{folder}/no/such/sides"))
    result = cli("train", path)
    assert result.exit_code == 1 and "snapshots cannot be written" in result.stderr


# ── how it stops ────────────────────────────────────────────────────────────────────────────────────


class Job:
    """Training in a process of its own, with the log, that would not end by itself."""

    def __init__(self, solver: Path, *options: str) -> None:
        arguments = [sys.executable, "-m", "tcaffe.cli", "train", str(solver), "--log", "--workers", "1", *options]
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []

    def until(self, text: str) -> None:
        """Read on to the next line that has `text` in it."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line)
            if text in line:
                return
        raise AssertionError("".join(self.lines))

    def end(self) -> int:
        """Read what is left; the exit status."""
        self.lines += self.process.communicate(timeout=20)[1].splitlines()
        return self.process.returncode


@pytest.fixture
def start(solver) -> Iterator[Callable[..., Job]]:
    """Starts training that does not end; what is left of it is killed."""
    jobs = []

    def started(*options: str) -> Job:
        text = re.sub(r"(snapshot|test_interval): 10\b", r"\1: 1000000", SOLVER)
        jobs.append(Job(solver(text, iterations=10**8), *options))
        jobs[-1].until("Iteration 50, lr")
        return jobs[-1]

    yield started
    for job in jobs:
        job.process.kill()
        job.process.wait()


def test_ctrl_c_stops_with_a_snapshot_and_a_hang_up_only_takes_one(start, tmp_path) -> None:
    job = start("--metrics", str(tmp_path / "run.jsonl"))
    job.process.send_signal(signal.SIGHUP)
    job.until("Snapshotting solver state")
    job.until(", lr = ")  # it goes on
    job.process.send_signal(signal.SIGINT)
    assert job.end() == 0
    assert any("Optimization stopped early." in line for line in job.lines)
    stopped = int(re.fullmatch(r"stopped after (\d+) iterations", job.lines[-1].strip())[1])
    states = sorted(int(re.search(r"iter_(\d+)", path.name)[1]) for path in tmp_path.glob("*.solverstate"))
    assert len(states) == 2 and states[-1] == stopped
    assert (tmp_path / f"sides_iter_{stopped}.caffemodel").is_file()
    assert records(tmp_path / "run.jsonl")[-1]["iteration"] <= stopped


def test_signals_do_what_they_are_told_to(start, tmp_path) -> None:
    job = start("--sigint-effect", "snapshot", "--sighup-effect", "stop")
    job.process.send_signal(signal.SIGINT)
    job.until("Snapshotting solver state")
    job.process.send_signal(signal.SIGHUP)
    assert job.end() == 0
    assert len(list(tmp_path.glob("*.solverstate"))) == 2


def test_an_effect_is_one_of_three(cli, solver) -> None:
    assert cli("train", solver(), "--sigint-effect", "panic").exit_code == 2


def test_a_second_ctrl_c_ends_at_once() -> None:
    signals = Signals({signal.SIGINT: "stop"})
    before = signal.getsignal(signal.SIGINT)
    with signals.caught():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_are_polled_in_the_order_they_came() -> None:
    signals = Signals({signal.SIGHUP: "snapshot", signal.SIGINT: "none"})
    with signals.caught():
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGINT)
    assert [signals.poll() for _ in range(3)] == ["snapshot", "none", "none"]
