"""`tcaffe train` of nets that were trained before, and of nets with layers in Python."""

from __future__ import annotations

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
