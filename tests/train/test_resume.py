"""Training that is killed: what is on the disk is whole, and going on from it arrives where it would have anyway."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tcaffe.data.database import Writer
from tcaffe.data.datum import write_datum
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.weights import read_weights
from tcaffe.train.bookmark import bookmark_path, read_bookmark
from tcaffe.train.snapshot import newest_state, read_state

NET = """
name: "small"
layer {{ name: "data" type: "Data" top: "x" top: "label" transform_param {{ crop_size: 12 mirror: true scale: 0.01 }}
  data_param {{ source: "{db}" backend: LMDB batch_size: 8 }} }}
layer {{ name: "noise" type: "DummyData" top: "noise"
  dummy_data_param {{ shape {{ dim: 8 dim: 10 }} data_filler {{ type: "gaussian" std: 0.1 }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param {{ num_output: 16 kernel_size: 5 weight_filler {{ type: "msra" }} }} }}
layer {{ name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }}
layer {{ name: "relu" type: "ReLU" bottom: "bn" top: "bn" }}
layer {{ name: "drop" type: "Dropout" bottom: "bn" top: "drop" }}
layer {{ name: "fc" type: "InnerProduct" bottom: "drop" top: "fc"
  inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "sum" type: "Eltwise" bottom: "fc" bottom: "noise" top: "sum" }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }}
"""

SOLVER = """
net: "{folder}/net.prototxt" base_lr: 0.01 lr_policy: "step" stepsize: 40 gamma: 0.5 momentum: 0.9 weight_decay: 0.001
type: "Adam" iter_size: 2 max_iter: {iterations} snapshot: 10 snapshot_prefix: "{folder}/{name}"
test_iter: 2 test_interval: 15 {more}
"""


@pytest.fixture
def solver(tmp_path: Path):
    """Writes solvers for a net with everything that is random in it."""
    rng = np.random.default_rng(0)
    with Writer(str(tmp_path / "db"), "lmdb") as database:
        for k in range(37):
            database.put(b"%02d" % k, write_datum(rng.integers(0, 256, (3, 16, 16), dtype=np.uint8), k % 10))
    (tmp_path / "net.prototxt").write_text(NET.format(db=tmp_path / "db"))

    def write(name: str, iterations: int, more: str = "") -> Path:
        file = tmp_path / f"{name}.prototxt"
        file.write_text(SOLVER.format(folder=tmp_path, name=name, iterations=iterations, more=more))
        return file

    return write


def training(solver: Path, *options: str, code: str = "") -> subprocess.Popen:
    """`tcaffe train`, in a process that runs `code` before."""
    program = f"{code}\nfrom tcaffe.cli import main\nmain(['train', {str(solver)!r}, '--workers', '1', *{options!r}])"
    return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)


def finish(job: subprocess.Popen) -> None:
    said = job.communicate(timeout=120)[1]
    assert job.returncode == 0, said


def final(solver: Path, iterations: int) -> dict[str, bytes]:
    """The last weights and state, as bytes by layer and number."""
    prefix = solver.with_suffix("")
    weights = read_weights(f"{prefix}_iter_{iterations}.caffemodel")
    found = {f"{layer.name}{k}": b.data.tobytes() for layer in weights for k, b in enumerate(layer.blobs)}
    state = read_state(f"{prefix}_iter_{iterations}.solverstate")
    return found | {f"memory{k}": array.tobytes() for k, array in enumerate(state.memory)}


def test_training_killed_at_random_moments_ends_with_the_same_bits(solver):
    whole = solver("whole", 150, "random_seed: 7")
    finish(training(whole))
    killed = solver("killed", 150, "random_seed: 7")
    kills, chance = 0, random.Random(os.getpid())
    while kills < 4:
        job = training(killed, "--resume")
        reached = newest_state(str(killed.with_suffix("")))
        deadline = time.monotonic() + 60
        while newest_state(str(killed.with_suffix(""))) == reached and job.poll() is None:  # it is under way again
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.05))
        job.send_signal(signal.SIGKILL)
        job.communicate()
        kills += 1
    finish(training(killed, "--resume"))
    assert final(killed, 150) == final(whole, 150)


@pytest.mark.parametrize("stage", range(6))
@pytest.mark.parametrize("ending", ["", "HDF5"])
def test_a_kill_while_a_snapshot_is_written_leaves_the_one_before_whole(solver, stage, ending):
    file = solver("cut", 20, "random_seed: 7" + (" snapshot_format: HDF5" if ending else ""))
    # A snapshot is three files; of each the writing and the renaming are points to die at. The first one is let pass.
    code = f"""
import os, signal
from pathlib import Path
from tcaffe.frontend.weights import atomic
real, count = atomic._flush, 0
def dying(path):
    global count
    count += 1
    if count - 6 == {stage} + 1:
        if {stage} % 2 == 0:
            os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    real(path)
atomic._flush = dying
"""
    job = training(file, code=code)
    job.communicate(timeout=120)
    assert job.returncode == -signal.SIGKILL
    prefix = file.with_suffix("")
    state = newest_state(str(prefix))
    assert state is not None and f"_iter_{20 if stage == 5 else 10}." in state.name
    assert read_state(state).iteration == read_bookmark(bookmark_path(state)).iteration
    assert read_weights(read_state(state).weights)
    for path in prefix.parent.glob("cut_iter_*.solverstate*"):
        read_state(path)
    finish(training(file, "--resume"))
    assert newest_state(str(prefix)).name.startswith("cut_iter_20.")


def test_without_a_bookmark_training_goes_on_with_the_data_from_the_start(solver):
    file = solver("bare", 20, "random_seed: 7")
    finish(training(file))
    bookmark = bookmark_path(f"{file.with_suffix('')}_iter_10.solverstate")
    bookmark.unlink()
    finish(training(file, "--snapshot", f"{file.with_suffix('')}_iter_10.solverstate"))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 2}', '{"format": 1, "iteration": 1, "tests": [],'
    ' "train": {"seed": 1, "draws": 0, "feeds": [[0, -5]], "state": {}}}'])  # fmt: skip
def test_a_damaged_bookmark_is_told(tmp_path, text):
    (tmp_path / "x.bookmark.json").write_text(text)
    with pytest.raises(CompileError, match=r"E0808: `.*x.bookmark.json` is no bookmark"):
        read_bookmark(tmp_path / "x.bookmark.json")
