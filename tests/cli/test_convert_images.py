"""`tcaffe convert-images` and `tcaffe image-mean`, from image files to a mean file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from itertools import islice

import numpy as np
import pytest

from tcaffe.data.database import BACKENDS, open_database
from tcaffe.data.datum import read_datum
from tcaffe.data.image import encode_image
from tcaffe.schema import caffe_pb2

pytest.importorskip("PIL")
pytest.importorskip("plyvel")

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 3, 6, 8), dtype=np.uint8)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory with five images and a list of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for k, pixels in enumerate(PICTURES):
        (tmp_path / f"images/{k}.png").write_bytes(encode_image(pixels, "png"))
    (tmp_path / "list.txt").write_text("".join(f"{k}.png {k + 10}\n" for k in range(5)))
    return tmp_path


def records(path, backend="lmdb"):
    database = open_database(str(path), backend)
    return list(islice(database.records(), len(database)))


def labels(path):
    return [read_datum(value)[1] for _, value in records(path)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_from_files_to_a_mean(cli, here, backend):
    result = cli("convert-images", "images/", "list.txt", "db", "--backend", backend)
    assert result.exit_code == 0, result.stderr
    assert "records  5\n" in result.stdout and "3x6x8 (5)" in result.stdout
    result = cli("image-mean", "db", "-o", "mean.binaryproto")
    assert result.exit_code == 0, result.stderr
    blob = caffe_pb2.BlobProto.FromString((here / "mean.binaryproto").read_bytes())
    assert (blob.num, blob.channels, blob.height, blob.width, blob.HasField("shape")) == (1, 3, 6, 8, False)
    np.testing.assert_array_equal(np.float32(blob.data), np.float32(PICTURES.mean(0, dtype=np.float64)).ravel())
    values = " ".join(f"mean_value: {value:.6g}" for value in PICTURES.mean((0, 2, 3)))
    assert f"transform_param {{ {values} }}\n" in result.stdout


def test_the_mean_as_json(cli):
    cli("convert-images", "images/", "list.txt", "db", "--gray", "--encode-type", "jpg")
    told = json.loads(cli("image-mean", "db", "--json").stdout)
    assert (told["records"], told["shape"], told["written"]) == (5, [1, 6, 8], None)
    assert len(told["channel_means"]) == 1


def test_images_that_cannot_be_read(cli, here):
    (here / "images/3.png").write_bytes(b"none")
    result = cli("convert-images", "images/", "list.txt", "db")
    assert result.exit_code == 1
    assert "list.txt:4:1: error E0608: `images/3.png` cannot be used: it is no image" in result.stderr
    assert "without what was skipped" in result.stderr
    assert labels("db") == [10, 11, 12, 14]
    result = cli("convert-images", "images/", "list.txt", "other", "--skip-unreadable", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["records"], told["skipped"]) == (0, 4, 1)
    assert told["diagnostics"][0]["span"]["line"] == 4


def test_a_folder_without_its_slash(cli, here):
    result = cli("convert-images", "images", "list.txt", "db", "--skip-unreadable")
    assert result.exit_code == 1
    assert "did you mean `images/`?" in result.stderr
    assert not (here / "db").exists()


def test_shuffled_as_the_seed_says(cli):
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        cli("convert-images", "images/", "list.txt", name, "--shuffle", "--seed", seed)
    assert records("a") == records("b") != records("c")
    assert sorted(labels("a")) == [10, 11, 12, 13, 14] != labels("a")
    assert [key[:9] for key, _ in records("a")] == [b"%08d_" % k for k in range(5)]


@pytest.mark.parametrize("size", [["--resize", "4x3"], ["--resize-width", 4, "--resize-height", 3]])
def test_width_comes_before_height(cli, size):
    assert cli("convert-images", "images/", "list.txt", "db", *size).exit_code == 0
    assert read_datum(records("db")[0][1])[0].shape == (3, 3, 4)


@pytest.mark.parametrize(
    "options, complaint",
    [
        (["--resize", "4"], "'4' is not a size such as 256x256"),
        (["--resize", "0x4"], "'0x4' is not a size"),
        (["--resize", "99999x99999"], "too large"),
        (["--resize-width", "4"], "go together"),
        (["--resize", "4x4", "--resize-width", "4", "--resize-height", "4"], "given twice"),
        (["--encode-type", "foo"], "there is no kind of image `foo`"),
        (["--encode-type", "pdf"], "'pdf' cannot be written and read"),
    ],
)
def test_wrong_usage(cli, here, options, complaint):
    result = cli("convert-images", "images/", "list.txt", "db", *options)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not (here / "db").exists()


def test_a_database_is_not_written_over(cli):
    assert cli("convert-images", "images/", "list.txt", "db").exit_code == 0
    before = records("db")
    result = cli("convert-images", "images/", "list.txt", "db", "--gray")
    assert result.exit_code == 1 and "`db` is there already" in result.stderr
    assert records("db") == before


def test_files_stored_as_they_are_are_told(cli):
    result = cli("convert-images", "images/", "list.txt", "db", "--gray", "--encoded")
    assert "5 files stored as they are: `force_gray` reads them as gray ones" in result.stderr


def test_ctrl_c_leaves_nothing(here):
    (here / "long.txt").write_text("0.png 1\n" * 400_000)
    command = [sys.executable, "-m", "tcaffe.cli", "convert-images", "images/", "long.txt", "db"]
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}  # who runs the tests may ignore it
    with subprocess.Popen(command, stderr=subprocess.PIPE, **heard) as process:
        deadline = time.monotonic() + 30
        while not (here / "db").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not (here / "db").exists()
