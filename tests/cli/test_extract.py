"""`tcaffe extract`: features of all batches, as arrays or as databases a net can read again."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import pytest

from tcaffe.data.database import open_database
from tcaffe.data.datum import read_datum

NET = """
layer {{ name: "data" type: "HDF5Data" top: "x" top: "label" hdf5_data_param {{ source: "{source}" batch_size: 4 }} }}
layer {{ name: "double" type: "Power" bottom: "x" top: "in/side" power_param {{ scale: 2 }} }}
layer {{ name: "sum" type: "Reduction" bottom: "in/side" top: "sum" }}
"""
ROWS = np.random.default_rng(0).normal(size=(10, 3, 2, 2)).astype("f")


@pytest.fixture
def data_net(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["x"], file["label"] = ROWS, np.arange(10, dtype="f")
    (tmp_path / "list.txt").write_text(str(tmp_path / "rows.h5"))
    (tmp_path / "net.prototxt").write_text(NET.format(source=tmp_path / "list.txt"))
    return tmp_path / "net.prototxt"


def test_arrays(cli, data_net, tmp_path):
    result = cli("extract", data_net, "--blobs", "in/side,sum,label", "--batches", 3, "-o", tmp_path / "f.npz")
    assert result.exit_code == 0
    assert cli("extract", data_net, "--blobs", "in/side,sum", "-o", tmp_path / "f.h5").exit_code == 0
    with h5py.File(tmp_path / "f.h5") as file:
        np.testing.assert_allclose(file["in/side"], 2 * ROWS[:4], rtol=1e-6)
    with np.load(tmp_path / "f.npz") as found:
        wanted = np.concatenate([ROWS, ROWS])[:12]
        np.testing.assert_allclose(found["in/side"], 2 * wanted, rtol=1e-6)
        np.testing.assert_allclose(found["sum"], (2 * wanted).reshape(3, -1).sum(1), rtol=1e-4)
        np.testing.assert_array_equal(found["label"], [*range(10), 0, 1])


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_databases(cli, data_net, tmp_path, backend):
    cli("extract", data_net, "--blobs", "in/side,label", "--batches", 2, "-o", tmp_path / "out", "--backend", backend)
    database = open_database(str(tmp_path / "out" / "in_side"), backend)
    assert len(database) == 8
    for k, (key, record) in enumerate(islice(database.records(), 8)):
        assert key == b"%010d" % k
        np.testing.assert_allclose(read_datum(record)[0], 2 * ROWS[k], rtol=1e-6)
    first = next(open_database(str(tmp_path / "out" / "label"), backend).records(3))[1]
    np.testing.assert_array_equal(read_datum(first)[0], [[[3]]])


def test_a_blob_there_is_not(cli, data_net, tmp_path):
    result = cli("extract", data_net, "--blobs", "side", "-o", tmp_path / "out")
    assert result.exit_code == 1 and "E0601" in result.stderr and not (tmp_path / "out").exists()
