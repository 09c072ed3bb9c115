"""Solvers as scripts use them, and the trajectories that the original recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import tcaffe
from tcaffe.frontend.parameters import owner_of
from tcaffe.train.session import start
from tcaffe.train.settings import read_settings
from tests.frontend.recorded import SHARED

SOLVERS = SHARED / "solvers"
CASES = sorted(path.name for path in SOLVERS.iterdir()) if SOLVERS.is_dir() else []
NET = """
name: "tiny"
layer { name: "in" type: "Input" top: "x" top: "y" input_param { shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 } } }
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc" inner_product_param { num_output: 2
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "y" top: "loss" }
"""


@pytest.fixture
def case(request, tmp_path, monkeypatch):
    """A recorded case in a folder of its own."""
    folder = tmp_path / "case"
    shutil.copytree(SOLVERS / request.param, folder)
    monkeypatch.chdir(folder)
    return np.load("case.npz")


def recorded(case, prefix):
    """Parameters by layer and number."""
    found = {}
    for key in case.files:
        if key.startswith(f"{prefix}/"):
            layer, number = key.removeprefix(f"{prefix}/").rsplit("/", 1)
            found[layer, int(number)] = case[key]
    return found


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_script_trains_as_recorded(case):
    solver = tcaffe.get_solver("solver.prototxt")
    solver.step(len(case["loss"]))
    for (layer, number), value in recorded(case, "final").items():
        found = solver.net.params[layer][number].data
        np.testing.assert_allclose(found, value, rtol=1e-3, atol=1e-5, err_msg=layer)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_the_command_s_engine_goes_on_from_the_original_s_snapshots(case):
    settings = read_settings("solver.prototxt")
    settings.message.snapshot = 0  # or it would write over what was recorded
    loop, engine = start(settings)
    loop.restore(str(next(Path().glob("*iter_6.solverstate*"))))
    loop.step(len(case["resumed_loss"]))
    for (layer, number), value in recorded(case, "resumed").items():
        param = engine.net.lowered.params[layer][number]
        found = engine.values[owner_of(param).name].reshape(value.shape)
        np.testing.assert_allclose(found, value, rtol=1e-3, atol=1e-5, err_msg=layer)


@pytest.fixture
def solver(tmp_path, monkeypatch):
    """A solver of a small net whose inputs the script fills."""
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(NET)
    Path("solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 0.1 lr_policy: "step" gamma: 0.5 stepsize: 2 momentum: 0.5 random_seed: 1 '
        "max_iter: 4 snapshot_after_train: false"
    )
    made = tcaffe.SGDSolver("solver.prototxt")
    rng = np.random.default_rng(0)
    made.net.blobs["x"].data[...] = rng.normal(size=(4, 3))
    made.net.blobs["y"].data[...] = rng.normal(size=(4, 2))
    return made


def test_steps_go_downhill_and_are_shown_as_diffs(solver):
    w = solver.net.params["fc"][0]
    before, losses = w.data.copy(), []
    for _ in range(4):
        old = w.data.copy()
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
        np.testing.assert_allclose(w.data, old - w.diff, rtol=1e-5, atol=1e-7)
    assert losses == sorted(losses, reverse=True)
    assert (solver.iter, solver.lr) == (4, pytest.approx(0.025))
    assert not np.array_equal(before, w.data)


def test_the_seed_decides_where_training_starts(solver):
    again = tcaffe.get_solver("solver.prototxt")
    np.testing.assert_array_equal(again.net.params["fc"][0].data, solver.net.params["fc"][0].data)


def test_callbacks_come_before_passes_and_before_the_update(solver):
    calls = []
    w = solver.net.params["fc"][0]
    start = w.data.copy()
    solver.add_callback(
        lambda: calls.append(("start", bool(w.diff.any()))),
        lambda: calls.append(("ready", bool(w.diff.any()) and np.array_equal(w.data, start))),
    )
    solver.step(1)
    assert calls == [("start", False), ("ready", True)]


def test_an_update_can_be_applied_by_hand(solver):
    solver.net.clear_param_diffs()
    solver.net.params["fc"][1].diff[...] = 2
    before = solver.net.params["fc"][1].data.copy()
    solver.apply_update()
    np.testing.assert_allclose(solver.net.params["fc"][1].data, before - 0.2, rtol=1e-6)
    assert solver.iter == 1


def test_a_snapshot_is_gone_on_from_to_the_last_bit(solver):
    solver.step(2)
    solver.snapshot()
    solver.step(2)
    again = tcaffe.get_solver("solver.prototxt")
    for name in ("x", "y"):
        again.net.blobs[name].data[...] = solver.net.blobs[name].data
    again.restore("solver_iter_2.solverstate")
    assert again.iter == 2
    again.step(2)
    for a, b in zip(again.net.params["fc"], solver.net.params["fc"], strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_another_net_can_have_the_weights(solver):
    other = tcaffe.Net("net.prototxt", tcaffe.TEST)
    solver.share_weights(other)
    solver.step(1)
    np.testing.assert_array_equal(other.params["fc"][0].data, solver.net.params["fc"][0].data)


def test_a_script_goes_on_from_a_snapshot_as_if_it_had_not_stopped(tmp_path):
    (tmp_path / "net.prototxt").write_text("""
        layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: 4 dim: 6 }
          shape { dim: 4 dim: 2 } data_filler { type: "gaussian" } } }
        layer { name: "drop" type: "Dropout" bottom: "x" top: "drop" }
        layer { name: "fc" type: "InnerProduct" bottom: "drop" top: "fc"
          inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "y" top: "loss" }
    """)
    (tmp_path / "solver.prototxt").write_text(
        f'net: "{tmp_path}/net.prototxt" base_lr: 0.1 lr_policy: "fixed" momentum: 0.9 snapshot_prefix: "{tmp_path}/n"'
    )
    whole = tcaffe.get_solver(str(tmp_path / "solver.prototxt"))
    whole.step(5)
    whole.snapshot()
    whole.step(5)
    tcaffe.set_random_seed(99)
    again = tcaffe.get_solver(str(tmp_path / "solver.prototxt"))
    again.restore(str(tmp_path / "n_iter_5.solverstate"))
    again.step(5)
    for mine, theirs in zip(again.net.params["fc"], whole.net.params["fc"], strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)
