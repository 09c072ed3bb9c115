"""Batches from HDF5 files: their order, their types, and what is refused."""

import functools
import operator

import numpy as np
import pytest

from tcaffe.data.feed import Shard
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


def layer(source, batch, *tops, more=""):
    named = " ".join(f'top: "{top}"' for top in tops)
    return f'type: "HDF5Data" {named} hdf5_data_param {{ source: "{source}" batch_size: {batch} {more} }}'


def test_batches_run_over_file_ends_and_start_again(files, feed, labels):
    expected = [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]]
    assert labels(feed(layer(files, 4, "data", "label")), 3) == expected


def test_a_batch_can_be_larger_than_all_files(files, feed, labels):
    assert labels(feed(layer(files, 8, "label")), 1) == [[0, 1, 2, 3, 4, 5, 0, 1]]


def test_rows_of_all_tops_stay_together_in_float32(files, feed):
    rows = feed(layer(files, 2, "data", "label"))
    assert rows.shapes == {"data": (2, 2, 3), "label": (2,)}
    batch = rows.batch({})
    assert {array.dtype for array in batch.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(batch["data"][:, 0, 0], batch["label"])


def test_shuffled_rows_are_the_same_rows(files, feed, labels):
    rows = feed(layer(files, 6, "data", "label", more="shuffle: true"), seed=3)
    first, second = labels(rows, 2)
    assert first != second and sorted(first) == sorted(second) == [0, 1, 2, 3, 4, 5]
    batch = rows.batch({})
    np.testing.assert_array_equal(batch["data"][:, 0, 0], batch["label"])


@pytest.mark.parametrize("more", ["", "shuffle: true"])
def test_a_position_says_what_comes(files, feed, resumes, more):
    resumes(lambda: feed(layer(files, 4, "data", "label", more=more), seed=1))


@pytest.mark.parametrize("more", ["", "shuffle: true"])
def test_shards_part_the_rows(files, feed, labels, more):
    parts = [labels(feed(layer(files, 2, "label", more=more), shard=Shard(r, 3)), 1)[0] for r in range(3)]
    assert sorted(functools.reduce(operator.iadd, parts, [])) == [0, 1, 2, 3, 4, 5]


def test_what_cannot_be_read(files, tmp_path, feed):
    def refused(says, source=files, tops=("data",)):
        with pytest.raises(CompileError, match=rf"E0610: .*{says}"):
            feed(layer(source, 2, *tops))

    refused("list of HDF5 files .* cannot be read", tmp_path / "none.txt")
    refused("has no dataset `image` of its own\n  note: it has data, label", tops=["image"])
    (tmp_path / "f0.h5").write_bytes(b"not HDF5")
    refused("cannot be read as HDF5")
    files.write_text(" \n")
    refused("names no HDF5 file")


def test_rows_of_another_shape_are_told_with_their_file(files, tmp_path, feed):
    with h5py.File(tmp_path / "f1.h5", "a") as file:
        del file["data"]
        file["data"] = np.zeros((2, 5))
    rows = feed(layer(files, 3, "data"))
    rows.batch({})
    with pytest.raises(CompileError, match=r"E0610: dataset `data` of '.*f1.h5' has rows of \[5\], not \[2, 3\]"):
        rows.batch({})


def test_links_to_other_files_are_not_followed(files, tmp_path, feed):
    with h5py.File(tmp_path / "f0.h5", "a") as file:
        del file["data"]
        file["data"] = h5py.ExternalLink(str(tmp_path / "f1.h5"), "data")
    with pytest.raises(CompileError, match="no dataset `data` of its own"):
        feed(layer(files, 2, "data"))


def test_datasets_of_one_file_have_one_length(files, tmp_path, feed):
    with h5py.File(tmp_path / "f0.h5", "a") as file:
        del file["label"]
        file["label"] = [1.0]
    with pytest.raises(CompileError, match=r"have \[1, 3\] rows"):
        feed(layer(files, 2, "data", "label"))
