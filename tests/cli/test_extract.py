"""`tcaffe extract`: what blobs are, item by item, in three kinds of files."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tcaffe.cli.extracting import same_length
from tcaffe.cli.features import as_npz, dataset_name, write_features_to
from tcaffe.data.database import open_database
from tcaffe.diagnostics import CompileError
from tcaffe.schema import caffe_pb2

h5py = pytest.importorskip("h5py")

ROWS = np.arange(24, dtype=np.float32).reshape(12, 2)
LAYERS = """
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "in/fc"
  inner_product_param { num_output: 3 weight_filler { type: "constant" value: 1 } } }
layer { name: "sum" type: "Reduction" bottom: "in/fc" top: "sum" }
"""
Read = Callable[[Path], dict[str, np.ndarray]]


@pytest.fixture
def data_net(tmp_path: Path) -> Path:
    """A net that reads five of twelve rows at a time, and wants their sums, three times each."""
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["x"] = ROWS
    (tmp_path / "list.txt").write_text(str(tmp_path / "rows.h5"))
    source = f'hdf5_data_param {{ source: "{tmp_path}/list.txt" batch_size: 5 }}'
    (tmp_path / "data.prototxt").write_text(f'layer {{ name: "d" type: "HDF5Data" top: "x" {source} }}' + LAYERS)
    return tmp_path / "data.prototxt"


@pytest.fixture
def file_net(tmp_path: Path) -> Path:
    """The same net, with an input for five rows."""
    given = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 5 dim: 2 } } }'
    (tmp_path / "deploy.prototxt").write_text(given + LAYERS)
    return tmp_path / "deploy.prototxt"


def from_hdf5(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in ("in/fc", "sum")}


def from_databases(path: Path, backend: str = "lmdb") -> dict[str, np.ndarray]:
    """All records as arrays of one axis more; they hold nothing that the original's do not."""
    found = {}
    for folder in path.iterdir():
        database = open_database(str(folder), backend)
        records = list(islice(database.records(), len(database)))
        assert [key for key, _ in records] == [b"%010d" % k for k in range(len(records))]
        datums = [caffe_pb2.Datum.FromString(value) for _, value in records]
        told = {field.name for datum in datums for field, _ in datum.ListFields()}
        assert told == {"channels", "height", "width", "float_data"}
        assert {(datum.height, datum.width) for datum in datums} == {(1, 1)}
        rows = np.array([datum.float_data for datum in datums], np.float32)
        assert {datum.channels for datum in datums} == {rows.shape[1]}
        found[folder.name.replace("%2F", "/")] = rows
    return found


@pytest.mark.parametrize(
    ("name", "read"), [("f.npz", np.load), ("f.h5", from_hdf5), ("folder", from_databases)], ids=["npz", "h5", "lmdb"]
)
def test_batches_come_one_after_the_other(cli, data_net, tmp_path, name: str, read: Read) -> None:
    result = cli("extract", data_net, "--blobs", "in/fc,sum", "--batches", 3, "-o", tmp_path / name, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["blobs"] == {"in/fc": [15, 3], "sum": [3]}
    found = read(tmp_path / name)
    rows = np.resize(ROWS, (15, 2))  # the data begins anew when it is over
    np.testing.assert_array_equal(found["in/fc"], np.repeat(rows.sum(1, keepdims=True), 3, 1))
    np.testing.assert_array_equal(found["sum"].ravel(), 3 * rows.reshape(3, 10).sum(1))


def test_leveldb(cli, data_net, tmp_path) -> None:
    pytest.importorskip("plyvel")
    result = cli("extract", data_net, "--blobs", "in/fc", "--batches", 1, "-o", tmp_path / "f", "--backend", "leveldb")
    assert result.exit_code == 0
    assert from_databases(tmp_path / "f", "leveldb")["in/fc"].shape == (5, 3)


@pytest.mark.parametrize(("options", "items"), [([], 12), (["--batches", 2], 10), (["--batch", 20], 12)])
def test_all_of_a_file_is_used_and_no_item_is_made_up(cli, file_net, tmp_path, options, items: int) -> None:
    np.save(tmp_path / "x.npy", ROWS)
    result = cli(
        "extract", file_net, "--blobs", "x,in/fc", "-i", tmp_path / "x.npy", "-o", tmp_path / "f.npz", *options
    )
    assert result.exit_code == 0
    found = np.load(tmp_path / "f.npz")
    np.testing.assert_array_equal(found["x"], ROWS[:items])
    np.testing.assert_array_equal(found["in/fc"], np.repeat(ROWS[:items].sum(1, keepdims=True), 3, 1))


def test_weights_are_used(cli, data_net, tmp_path) -> None:
    weights = caffe_pb2.NetParameter()
    layer = weights.layer.add(name="fc", type="InnerProduct")
    layer.blobs.add(data=[2.0] * 6).shape.dim.extend([3, 2])
    layer.blobs.add(data=[1.0] * 3).shape.dim.extend([3])
    (tmp_path / "w.caffemodel").write_bytes(weights.SerializeToString())
    options = ["-w", tmp_path / "w.caffemodel", "--blobs", "in/fc", "--batches", 1, "-o", tmp_path / "f.npz"]
    result = cli("extract", data_net, *options)
    assert result.exit_code == 0 and "no weights" not in result.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "f.npz")["in/fc"][:, 0], 2 * ROWS[:5].sum(1) + 1)


def test_what_is_asked_for_in_vain_leaves_nothing_behind(cli, data_net, tmp_path) -> None:
    before = sorted(tmp_path.iterdir())
    for name in ("f.npz", "f.h5", "folder"):
        result = cli("extract", data_net, "--blobs", "sun", "--batches", 1, "-o", tmp_path / name)
        assert result.exit_code == 1 and "did you mean `sum`?" in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_database_that_is_there_stays_as_it_is(cli, data_net, tmp_path) -> None:
    options = ["--batches", 1, "-o", tmp_path / "f"]
    assert cli("extract", data_net, "--blobs", "sum", *options).exit_code == 0
    result = cli("extract", data_net, "--blobs", "in/fc,sum", *options)
    assert result.exit_code == 1 and "E0616" in result.stderr
    assert [folder.name for folder in (tmp_path / "f").iterdir()] == ["sum"]


def test_usage(cli, data_net, file_net, tmp_path) -> None:
    out = ["--blobs", "sum", "-o", tmp_path / "f.npz"]
    assert "--batches" in cli("extract", data_net, *out).stderr
    assert cli("extract", data_net, *out, "--batches", 1, "--batch", 3).exit_code == 2
    np.save(tmp_path / "x.npy", ROWS)
    result = cli("extract", file_net, *out, "-i", f"y={tmp_path / 'x.npy'}")
    assert result.exit_code == 1 and "the net has no input `y`" in result.stderr
    result = cli("extract", file_net, *out, "--batches", 1)
    assert result.exit_code == 1 and "E0806" in result.stderr


def test_a_single_number_has_no_items(cli, tmp_path) -> None:
    net = 'layer { name: "x" type: "Input" top: "x" input_param { shape { } } }'
    (tmp_path / "one.prototxt").write_text(net + 'layer { name: "y" type: "Power" bottom: "x" top: "y" }')
    np.save(tmp_path / "x.npy", np.float32(3))
    options = ["--blobs", "y", "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npz"]
    result = cli("extract", tmp_path / "one.prototxt", *options)
    assert result.exit_code == 1 and "the input `x` has no axis for items" in result.stderr


def test_an_item_of_a_database_has_three_axes_at_most(tmp_path) -> None:
    with pytest.raises(CompileError, match="channels, height and width"):
        write_features_to(tmp_path / "f", [{"x": np.zeros((2, 1, 1, 1, 1))}], "lmdb")
    assert not (tmp_path / "f").exists()
    assert write_features_to(tmp_path / "g", [{"x": np.zeros((2, 3, 4, 5))}], "lmdb") == {"x": (2, 3, 4, 5)}


def test_names_stay_within_the_file(tmp_path) -> None:
    assert as_npz(tmp_path / "f.npz", [{"../x": np.zeros(2)}]) == {"../x": (2,)}
    write_features_to(tmp_path / "deep" / "f", [{"../../x": np.zeros(2)}], "lmdb")
    assert [path.name for path in (tmp_path / "deep" / "f").iterdir()] == ["..%2F..%2Fx"]
    assert [dataset_name(name, ["a", "a/b", "c/d"]) for name in ("a", "a/b", "c/d")] == ["a", "a%2Fb", "c/d"]


def test_inputs_have_one_number_of_items() -> None:
    assert same_length({"a": np.zeros((3, 2)), "b": np.zeros(3)}) == 3
    for lengths in ((3, 2), (0, 0)):
        with pytest.raises(CompileError, match="one number of items"):
            same_length({name: np.zeros(length) for name, length in zip("ab", lengths, strict=True)})
