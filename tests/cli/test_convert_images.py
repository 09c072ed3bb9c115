"""`tcaffe convert-images` and `tcaffe image-mean`: databases of images, and what is said of images that are none."""

from __future__ import annotations

import io
import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tcaffe.data.database import open_database
from tcaffe.data.datum import read_datum
from tcaffe.frontend.weights import read_blob
from tcaffe.schema import caffe_pb2


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five pictures of 6 x 5 pixels and their list."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    names = ["a.png", "b c.png", "sub/d.png", "e.png", "f.png"]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(tmp_path / "photos" / name)
    (tmp_path / "list.txt").write_text("".join(f"{name} {k}\n" for k, name in enumerate(names)))
    return tmp_path


def records(path: Path, backend: str = "lmdb") -> dict[str, bytes]:
    database = open_database(str(path), backend)
    return {key.decode(): value for key, value in islice(database.records(), len(database))}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))[:, :, ::-1].transpose(2, 0, 1)


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_every_image_is_a_record(cli, photos, backend):
    result = cli("convert-images", photos / "photos", photos / "list.txt", photos / "db", "--backend", backend)
    assert result.exit_code == 0 and "5 records" in result.stderr
    found = records(photos / "db", backend)
    assert [key[9:] for key in found] == ["a.png", "b c.png", "sub/d.png", "e.png", "f.png"]
    assert [key[:9] for key in found] == [f"{k:08d}_" for k in range(5)]
    for k, (key, record) in enumerate(found.items()):
        image, label = read_datum(record)
        assert label == k
        np.testing.assert_array_equal(image, pixels(photos / "photos" / key[9:]))


def test_images_are_scaled_and_gray(cli, photos):
    cli("convert-images", photos / "photos", photos / "list.txt", photos / "db", "--resize", "9x4", "--gray")
    assert {read_datum(record)[0].shape for record in records(photos / "db").values()} == {(1, 4, 9)}


def test_files_are_kept_as_they_are_where_that_will_do(cli, photos):
    cli("convert-images", photos / "photos", photos / "list.txt", photos / "db", "--encoded")
    datum = caffe_pb2.Datum.FromString(records(photos / "db")["00000000_a.png"])
    assert datum.encoded and datum.data == (photos / "photos" / "a.png").read_bytes()
    cli("convert-images", photos / "photos", photos / "list.txt", photos / "gray", "--encoded", "--gray")
    assert read_datum(records(photos / "gray")["00000000_a.png"])[0].shape == (1, 6, 5)
    cli("convert-images", photos / "photos", photos / "list.txt", photos / "jpg", "--encode-type", "jpg")
    datum = caffe_pb2.Datum.FromString(records(photos / "jpg")["00000000_a.png"])
    assert Image.open(io.BytesIO(datum.data)).format == "JPEG"


def test_an_order_is_shuffled_by_its_seed(cli, photos):
    orders = []
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        cli("convert-images", photos / "photos", photos / "list.txt", photos / name, "--shuffle", "--seed", seed)
        orders.append([key[9:] for key in records(photos / name)])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_an_image_that_cannot_be_read_leaves_no_database(cli, photos):
    (photos / "photos" / "e.png").write_bytes(b"no picture")
    arguments = "convert-images", photos / "photos", photos / "list.txt", photos / "db"
    result = cli(*arguments)
    assert result.exit_code == 1 and "E0608" in result.stderr and "line 4 of the list" in result.stderr
    assert not (photos / "db").exists()
    result = cli(*arguments, "--skip-unreadable", "--json")
    assert json.loads(result.stdout)["records"] == 4
    assert [key[:8] for key in records(photos / "db")] == ["00000000", "00000001", "00000002", "00000004"]


def test_sizes_are_checked_if_wanted(cli, photos):
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(photos / "photos" / "f.png")
    arguments = "convert-images", photos / "photos", photos / "list.txt", photos / "db"
    result = cli(*arguments, "--check-size")
    assert result.exit_code == 1 and "has 27 numbers, the first image 90" in result.stderr
    assert cli(*arguments).exit_code == 0


def test_a_database_is_not_written_over(cli, photos):
    arguments = "convert-images", photos / "photos", photos / "list.txt", photos / "db"
    cli(*arguments)
    assert "is there already" in cli(*arguments).stderr
    assert len(records(photos / "db")) == 5


def test_a_mean_is_of_all_records(cli, photos):
    cli("convert-images", photos / "photos", photos / "list.txt", photos / "db")
    result = cli("image-mean", photos / "db", "-o", photos / "mean.binaryproto", "--json")
    expected = np.mean([read_datum(r)[0] for r in records(photos / "db").values()], axis=0)
    blob = read_blob(photos / "mean.binaryproto")
    assert tuple(blob.shape) == (1, 3, 6, 5)
    np.testing.assert_allclose(np.reshape(blob.data, (3, 6, 5)), expected, rtol=1e-6)
    assert json.loads(result.stdout)["channels"] == pytest.approx(expected.mean((1, 2)), rel=1e-6)


def test_a_mean_of_different_sizes_is_refused(cli, photos):
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(photos / "photos" / "f.png")
    cli("convert-images", photos / "photos", photos / "list.txt", photos / "db")
    result = cli("image-mean", photos / "db")
    assert result.exit_code == 1 and "E0617" in result.stderr and "00000004_f.png" in result.stderr
