"""Training in several processes: what they arrive at together, and what becomes of them when one is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from tcaffe.data.database import Writer
from tcaffe.data.datum import write_datum
from tcaffe.frontend.load import read_state
from tcaffe.frontend.weights import read_weights
from tcaffe.ir import ops
from tcaffe.schema import caffe_pb2
from tcaffe.train import parallel
from tcaffe.train.bookmark import read_bookmark
from tcaffe.train.engine import StepEngine
from tcaffe.train.snapshot import newest_state
from tcaffe.train.snapshot import read_state as read_state_file

pytest.importorskip("torch")

NET = """
name: "small"
layer {{ name: "in" type: "Input" top: "x" top: "label"
  input_param {{ shape {{ dim: {batch} dim: 3 dim: 6 dim: 6 }} shape {{ dim: {batch} }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param {{ num_output: 4 kernel_size: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
layer {{ name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" param {{ lr_mult: 2 }}
  inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }}
"""

COMMON = """
import os, signal, sys
import numpy as np
from pathlib import Path
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import read_state
from tcaffe.ir.target import cpu
from tcaffe.schema import caffe_pb2
from tcaffe.train import parallel
from tcaffe.train.group import joined

class Half:
    tops, shapes = ("x", "label"), {}
    def __init__(self, rank, size):
        rng = np.random.default_rng(0)
        self.x, self.label = rng.normal(size=(10, 8, 3, 6, 6)).astype("f"), rng.integers(0, 10, (10, 8))
        self.part, self.next = slice(rank, None, size), -1
    def batch(self, tops):
        self.next += 1
        return {"x": self.x[self.next][self.part], "label": self.label[self.next][self.part]}

parallel.BUCKET = 1000
folder = Path(sys.argv[1])
with joined() as group:
    solver = caffe_pb2.SolverParameter(type="Adam", momentum=0.9, weight_decay=0.01, clip_gradients=0.5,
                                       iter_size=int(sys.argv[2]))
    engine = parallel.ParallelEngine(read_state(folder / "net.prototxt", phase="TRAIN"), [Half(group.rank, group.size)],
                                     solver, target=cpu(1), seed=3, group=group)
"""


def processes(tmp_path: Path, body: str, iter_size: int = 1) -> list[subprocess.Popen]:
    """Two processes of a group, in which `body` runs with `group` and `engine`."""
    script = tmp_path / "job.py"
    script.write_text(COMMON + textwrap.indent(textwrap.dedent(body), "    "))
    return started([sys.executable, str(script), str(tmp_path), str(iter_size)])


def started(command: list[str]) -> list[subprocess.Popen]:
    """Two processes of a group on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    return [
        subprocess.Popen(
            command, env=os.environ | place | {"RANK": str(rank)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]  # fmt: skip


class Whole:
    """All of the batches that the processes share."""

    tops, shapes = ("x", "label"), {}

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.x, self.label = rng.normal(size=(10, 8, 3, 6, 6)).astype("f"), rng.integers(0, 10, (10, 8))
        self.next = -1

    def batch(self, tops):
        self.next += 1
        return {"x": self.x[self.next], "label": self.label[self.next]}


@pytest.mark.parametrize("iter_size", [1, 2])
def test_two_processes_train_like_one_on_the_joined_batch(tmp_path, iter_size):
    (tmp_path / "net.prototxt").write_text(NET.format(batch=4))
    jobs = processes(tmp_path, """
        for _ in range(4):
            engine.iterate(0.01)
        np.savez(folder / f"rank{group.rank}.npz", **engine.values)
    """, iter_size)  # fmt: skip
    for job in jobs:
        assert (job.communicate(timeout=120), job.returncode)[1] == 0
    (tmp_path / "whole.prototxt").write_text(NET.format(batch=8))
    solver = caffe_pb2.SolverParameter(
        type="Adam", momentum=0.9, weight_decay=0.01, clip_gradients=0.5, iter_size=iter_size
    )
    one = StepEngine(read_state(tmp_path / "whole.prototxt", phase="TRAIN"), [Whole()], solver, seed=3)
    for _ in range(4):
        one.iterate(0.01)
    first, second = (np.load(tmp_path / f"rank{rank}.npz") for rank in range(2))
    for name, value in one.values.items():
        if not name.endswith(".sum"):
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
            np.testing.assert_allclose(first[name], value, rtol=1e-4, atol=2e-6, err_msg=name)


def test_a_process_that_dies_ends_the_others(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET.format(batch=4))
    jobs = processes(tmp_path, """
        try:
            for k in range(8):
                if group.rank == 1 and k == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
                engine.iterate(0.01)
        except CompileError as error:
            sys.exit(str(error))
    """)  # fmt: skip
    _, said = jobs[0].communicate(timeout=120)
    jobs[1].communicate(timeout=120)
    assert "E0807: another process of this training is gone" in said
    assert jobs[0].returncode == 1, said


def test_buckets_hold_every_gradient_once(monkeypatch):
    monkeypatch.setattr(parallel, "BUCKET", 100)
    nodes = [ops.param(shape=shape, name=f"p{k}") for k, shape in enumerate([(3,), (5, 5), (2, 2), (30,), (1,)])]
    buckets, views = parallel.bucketed(nodes)
    assert [sorted(bucket.names) for bucket in buckets] == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    for node in nodes:
        assert views[node.name].shape == node.shape
        assert sum(np.shares_memory(views[node.name], bucket.array) for bucket in buckets) == 1


def jobs_of_the_command(tmp_path: Path, iterations: int) -> list[subprocess.Popen]:
    """`tcaffe train` twice, as torchrun starts it, on an LMDB."""
    with Writer(str(tmp_path / "db"), "lmdb") as database:
        for k in range(24):
            database.put(b"%02d" % k, write_datum(np.full((3, 6, 6), 10 * k, np.uint8), k % 10))
    data = """layer { name: "in" type: "Data" top: "x" top: "label" transform_param { scale: 0.01 }
  data_param { source: "%s" backend: LMDB batch_size: 4 } }""" % (tmp_path / "db")
    rest = NET.format(batch=4).split("\n", 4)
    (tmp_path / "net.prototxt").write_text("\n".join([rest[1], data, rest[4]]))
    (tmp_path / "solver.prototxt").write_text(
        f'net: "{tmp_path}/net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: {iterations} snapshot: 10 '
        f'snapshot_prefix: "{tmp_path}/net" random_seed: 1 display: 5'
    )
    return started([sys.executable, "-m", "tcaffe.cli", "train", str(tmp_path / "solver.prototxt"), "--log"])


def test_the_command_trains_in_two_processes_and_the_first_speaks(tmp_path):
    jobs = jobs_of_the_command(tmp_path, 20)
    said = [job.communicate(timeout=120)[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0]
    assert "2 processes" in said[0] and "Iteration 15, lr" in said[0] and "Iteration" not in said[1]
    assert read_state_file(tmp_path / "net_iter_20.solverstate").iteration == 20
    bookmark = read_bookmark(tmp_path / "net_iter_20.bookmark.json")
    assert bookmark.train.feeds[0][1] == 80  # of its own records, which are every second one


def test_a_command_whose_partner_is_killed_says_so_and_keeps_the_last_snapshot(tmp_path):
    jobs = jobs_of_the_command(tmp_path, 10_000_000)
    deadline = time.monotonic() + 60
    while newest_state(str(tmp_path / "net")) is None:
        assert time.monotonic() < deadline and jobs[0].poll() is None
        time.sleep(0.05)
    jobs[1].kill()
    said = jobs[0].communicate(timeout=60)[1]
    jobs[1].communicate()
    assert jobs[0].returncode == 1 and "E0807" in said and "--snapshot" in said
    newest = newest_state(str(tmp_path / "net"))
    assert read_weights(read_state_file(newest).weights)
