"""Solver states: round trips in both formats, and what is said of files that are none."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.schema import caffe_pb2
from tcaffe.train.snapshot import State, read_state, restored, write_state

STATE = State(7, "net_iter_7.caffemodel", 2, (np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(4, np.float32)))


@pytest.mark.parametrize("name", ["a.solverstate", "a.solverstate.h5"])
def test_a_state_survives_a_file(tmp_path, name):
    write_state(tmp_path / name, STATE)
    found = read_state(tmp_path / name)
    assert (found.iteration, found.weights, found.step) == (7, "net_iter_7.caffemodel", 2)
    for x, y in zip(found.memory, STATE.memory, strict=True):
        np.testing.assert_array_equal(x, y)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.solverstate", "a.solverstate.h5"])
@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff\xff\xff", b"\x89HDF\r\n\x1a\n broken"])
def test_other_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    if content or name.endswith("h5"):
        with pytest.raises(CompileError, match="E0805"):
            read_state(tmp_path / name)


def test_a_blob_that_lies_about_its_size_is_refused(tmp_path):
    message = caffe_pb2.SolverState(iter=1)
    message.history.add(data=[1.0]).shape.dim.extend([1 << 40])
    (tmp_path / "a.solverstate").write_bytes(message.SerializeToString())
    with pytest.raises(CompileError, match="E0805"):
        read_state(tmp_path / "a.solverstate")


def test_the_memory_must_fit():
    assert [a.shape for a in restored(STATE, [(6,), (2, 2)], "f")] == [(6,), (2, 2)]
    with pytest.raises(CompileError, match="remembers 2 arrays, this solver 1"):
        restored(STATE, [(6,)], "f")
    with pytest.raises(CompileError, match=r"array 1 is \[4\], the parameter \[5\]"):
        restored(STATE, [(6,), (5,)], "f")
