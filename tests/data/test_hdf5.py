"""Batches from HDF5 files: their order, their types, and what is refused."""

import numpy as np
import pytest

from tcaffe.data.hdf5 import Hdf5Batches
from tcaffe.diagnostics import CompileError

h5py = pytest.importorskip("h5py")


@pytest.fixture
def files(tmp_path):
    """Three files of 3, 2 and 1 rows that count from 0 to 5, and their list."""
    start = 0
    for k, rows in enumerate((3, 2, 1)):
        with h5py.File(tmp_path / f"f{k}.h5", "w") as file:
            ids = np.arange(start, start + rows)
            file["data"] = np.broadcast_to(ids[:, None, None] * 1.0, (rows, 2, 3))
            file["label"] = ids
        start += rows
    source = tmp_path / "list.txt"
    source.write_text("\n".join(str(tmp_path / f"f{k}.h5") for k in range(3)) + "\n\n")
    return source


def labels(batches, count):
    return [next(batches)["label"].tolist() for _ in range(count)]


def test_batches_run_over_file_ends_and_start_again(files):
    assert labels(Hdf5Batches(files, ["data", "label"], 4), 3) == [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]]


def test_a_batch_can_be_larger_than_all_files(files):
    assert labels(Hdf5Batches(files, ["label"], 8), 1) == [[0, 1, 2, 3, 4, 5, 0, 1]]


def test_rows_of_all_tops_stay_together_in_float32(files):
    batches = Hdf5Batches(files, ["data", "label"], 2)
    assert batches.shapes == {"data": (2, 2, 3), "label": (2,)}
    batch = next(batches)
    assert {array.dtype for array in batch.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(batch["data"][:, 0, 0], batch["label"])


def test_shuffled_rows_are_the_same_rows(files):
    batches = Hdf5Batches(files, ["data", "label"], 6, np.random.default_rng(3))
    first, second = labels(batches, 2)
    assert first != second and sorted(first) == sorted(second) == [0, 1, 2, 3, 4, 5]
    batch = next(batches)
    np.testing.assert_array_equal(batch["data"][:, 0, 0], batch["label"])


def test_what_cannot_be_read(files, tmp_path):
    def refused(says, source=files, tops=("data",)):
        with pytest.raises(CompileError, match=rf"E0610: .*{says}"):
            Hdf5Batches(source, tops, 2)

    refused("list of HDF5 files .* cannot be read", tmp_path / "none.txt")
    refused("has no dataset `image` of its own\n  note: it has data, label", tops=["image"])
    (tmp_path / "f0.h5").write_bytes(b"not HDF5")
    refused("cannot be read as HDF5")
    files.write_text(" \n")
    refused("names no HDF5 file")


def test_links_to_other_files_are_not_followed(files, tmp_path):
    with h5py.File(tmp_path / "f0.h5", "a") as file:
        del file["data"]
        file["data"] = h5py.ExternalLink(str(tmp_path / "f1.h5"), "data")
    with pytest.raises(CompileError, match="no dataset `data` of its own"):
        Hdf5Batches(files, ["data"], 2)


def test_datasets_of_one_file_have_one_length(files, tmp_path):
    with h5py.File(tmp_path / "f0.h5", "a") as file:
        del file["label"]
        file["label"] = [1.0]
    with pytest.raises(CompileError, match=r"have \[1, 3\] rows"):
        Hdf5Batches(files, ["data", "label"], 2)
