"""The Data layer: records in order, resumed and shared out; damaged ones are told with file and key."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from tcaffe.data.database import Writer
from tcaffe.data.datum import write_datum, write_encoded
from tcaffe.data.feed import Shard
from tcaffe.diagnostics import CompileError


@pytest.fixture
def source(tmp_path):
    """Ten pictures of 6 x 6 pixels whose numbers and labels count from 0 to 9."""
    rng = np.random.default_rng(0)
    with Writer(str(tmp_path / "db"), "lmdb") as database:
        for k in range(10):
            pixels = rng.integers(0, 256, (3, 6, 6), dtype=np.uint8)
            database.put(b"%02d" % k, write_datum(pixels, k))
    return tmp_path / "db"


def layer(source, batch=4, transform="", tops='top: "data" top: "label"', more=""):
    data = f'data_param {{ source: "{source}" backend: LMDB batch_size: {batch} {more} }}'
    return f'type: "Data" {tops} {data} transform_param {{ {transform} }}'


RANDOM = "mirror: true crop_size: 4"


def test_records_come_in_order_and_again(source, feed, labels):
    assert labels(feed(layer(source)), 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]


def test_the_first_record_tells_the_shapes(source, feed):
    assert feed(layer(source)).shapes == {"data": (4, 3, 6, 6), "label": (4,)}
    assert feed(layer(source, transform="crop_size: 5")).shapes["data"] == (4, 3, 5, 5)
    assert feed(layer(source, tops='top: "data"')).shapes == {"data": (4, 3, 6, 6)}


@pytest.mark.parametrize("transform", ["", RANDOM])
def test_a_position_says_what_comes(source, feed, resumes, transform):
    resumes(lambda: feed(layer(source, 3, transform), train=True, seed=5))


def test_how_far_is_read_ahead_changes_nothing(source, feed):
    near, far = (feed(layer(source, 3, RANDOM, more=f"prefetch: {n}"), train=True, seed=5) for n in (1, 7))
    for _ in range(9):
        np.testing.assert_array_equal(near.batch({})["data"], far.batch({})["data"])


def test_other_seeds_crop_at_other_places(source, feed):
    one, other = (feed(layer(source, 10, RANDOM), train=True, seed=seed).batch({}) for seed in (0, 1))
    assert (one["data"] != other["data"]).any()
    np.testing.assert_array_equal(one["label"], other["label"])


def test_shards_part_the_records(source, feed, labels):
    parts = [labels(feed(layer(source, 2), train=True, shard=Shard(r, 3)), 5) for r in range(3)]
    together = [label for turn in zip(*parts, strict=True) for label in sum(zip(*turn, strict=True), ())]
    assert together == [k % 10 for k in range(30)]


def test_a_damaged_record_is_told_with_file_and_key(source, feed, tmp_path):
    with Writer(str(tmp_path / "bad"), "lmdb") as database:
        for k in range(6):
            record = write_datum(np.zeros((1, 2, 2), np.uint8), k)
            database.put(b"key%d" % k, record[:-3] if k == 5 else record)
    records = feed(layer(tmp_path / "bad", 4))
    records.batch({})
    for _ in range(2):  # the same again: nothing was skipped
        with pytest.raises(CompileError, match=r"E0617: the record `key5` of `.*bad` cannot be used"):
            records.batch({})
    assert records.position == 4


def test_records_of_one_batch_have_one_shape(feed, tmp_path):
    with Writer(str(tmp_path / "mixed"), "lmdb") as database:
        for k in range(4):
            database.put(b"%d" % k, write_datum(np.zeros((1, 2 + k, 3), np.uint8)))
    with pytest.raises(CompileError, match=r"record `1` .* it is \[1, 3, 3\], others of its batch are \[1, 2, 3\]"):
        feed(layer(tmp_path / "mixed", 2)).batch({})
    alone = feed(layer(tmp_path / "mixed", 1))
    assert [alone.batch({})["data"].shape[2] for _ in range(5)] == [2, 3, 4, 5, 2]


def test_a_broken_picture_is_told_when_its_batch_is_taken(feed, tmp_path):
    with Writer(str(tmp_path / "db"), "lmdb") as database:
        database.put(b"0", write_datum(np.zeros((3, 2, 2), np.uint8)))
        database.put(b"1", write_encoded(b"nothing"))
    records = feed(layer(tmp_path / "db", 1))
    records.batch({})
    with pytest.raises(CompileError, match=r"E0617: the record `1` of .* no image of a known kind"):
        records.batch({})


def test_no_thread_outlives_a_feed(source, feed):
    def threads():
        return [t for t in threading.enumerate() if t.name.startswith("tcaffe")]

    before = len(threads())
    records = feed(layer(source))
    records.batch({})
    assert len(threads()) > before
    records.close()
    assert len(threads()) == before
    records.batch({})
    records.close()
    gc.collect()
    assert len(threads()) == before
