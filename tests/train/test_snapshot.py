"""Solver states: round trips in both formats, and what is said of files that are none."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import read_state as read_net
from tcaffe.frontend.weights import read_weights
from tcaffe.pycaffe.net import Net
from tcaffe.pycaffe.training import NetEngine
from tcaffe.schema import caffe_pb2
from tcaffe.train.engine import StepEngine
from tcaffe.train.snapshot import State, check_prefix, read_state, restored, write_state

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


@pytest.mark.parametrize("ending", ["", ".h5"])
@pytest.mark.parametrize("engine_of", ["one program", "net"])
def test_snapshots_hold_the_last_steps_if_the_solver_says_so(tmp_path, ending, engine_of):
    (tmp_path / "net.prototxt").write_text("""
        layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 }
          data_filler { type: "constant" value: 1 } } }
        layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc" param { lr_mult: 1 } param { lr_mult: 0 }
          inner_product_param { num_output: 2 weight_filler { type: "constant" value: 5 } } }
        layer { name: "sum" type: "Reduction" bottom: "fc" top: "sum" loss_weight: 1 }
    """)
    settings = caffe_pb2.SolverParameter(type="SGD", snapshot_diff=True)
    net = read_net(tmp_path / "net.prototxt", phase="TRAIN")
    engine = StepEngine(net, [], settings) if engine_of == "one program" else NetEngine(Net.in_state(net), settings)
    engine.iterate(0.25)
    file = tmp_path / f"w.caffemodel{ending}"
    engine.save(file)
    step, weights = np.full((2, 3), 0.25 * 2), np.full((2, 3), 5 - 0.25 * 2)
    if ending:
        with h5py.File(file) as found:
            np.testing.assert_array_equal(found["diff/fc/0"], step)
            np.testing.assert_array_equal(found["diff/fc/1"], 0)
            np.testing.assert_array_equal(found["data/fc/0"], weights)
    else:
        blobs = caffe_pb2.NetParameter.FromString(file.read_bytes()).layer[1].blobs
        np.testing.assert_array_equal(blobs[0].diff, step.ravel())
        np.testing.assert_array_equal(blobs[1].diff, 0)
        np.testing.assert_array_equal(blobs[0].data, weights.ravel())
    assert [layer.name for layer in read_weights(file) if layer.blobs] == ["fc"]


def test_a_prefix_that_cannot_be_written_is_told_at_the_start(tmp_path):
    with pytest.raises(CompileError, match=r"E0805: snapshots cannot be written to .*none/net_iter"):
        check_prefix(str(tmp_path / "none" / "net"))
    check_prefix(str(tmp_path / "net"))
    assert not list(tmp_path.iterdir())
