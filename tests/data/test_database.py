"""Databases: what is written is read in the order of keys, from anywhere on; what is damaged is told."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice

import pytest

from tcaffe.data.database import BACKENDS, Writer, open_database
from tcaffe.diagnostics import CompileError

pytest.importorskip("plyvel")


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


def written(path, backend, count=10, size=10):
    with Writer(str(path), backend) as database:
        for k in reversed(range(count)):
            database.put(b"%03d" % k, bytes([k % 256]) * size)
    return str(path)


def keys(database, count, *place):
    return [int(key) for key, _ in islice(database.records(*place), count)]


def test_records_come_in_the_order_of_their_keys_and_again(tmp_path, backend):
    database = open_database(written(tmp_path / "db", backend), backend)
    assert len(database) == 10
    assert keys(database, 12) == [*range(10), 0, 1]
    assert next(database.records())[1] == b"\0" * 10


@pytest.mark.parametrize("start, step", [(0, 1), (3, 1), (13, 1), (2, 3), (29, 4), (5, 23)])
def test_from_anywhere_and_in_steps(tmp_path, backend, start, step):
    database = open_database(written(tmp_path / "db", backend), backend)
    assert keys(database, 25, start, step) == [(start + k * step) % 10 for k in range(25)]


def test_several_read_the_same_database(tmp_path, backend):
    path = written(tmp_path / "db", backend)
    one, other = open_database(path, backend).records(), open_database(path, backend).records(5)
    assert (next(one)[0], next(other)[0], next(one)[0]) == (b"000", b"005", b"001")


def test_a_map_grows_with_what_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("tcaffe.data.database.FIRST_MAP", 1 << 16)
    database = open_database(written(tmp_path / "db", "lmdb", 100, 5000), "lmdb")
    assert keys(database, 100) == [*range(100)]


def test_nothing_is_left_of_what_could_not_be_written(tmp_path, backend):
    def fail():
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError), Writer(str(tmp_path / "db"), backend) as database:
        database.put(b"key", b"value")
        database.commit()
        fail()
    assert not (tmp_path / "db").exists()


def test_a_database_is_not_written_over(tmp_path, backend):
    written(tmp_path / "db", backend)
    with pytest.raises(CompileError, match=r"E0616: `.*db` is there already"):
        Writer(str(tmp_path / "db"), backend)
    assert keys(open_database(str(tmp_path / "db"), backend), 1) == [0]


def test_what_is_no_database_is_told(tmp_path, backend):
    with pytest.raises(CompileError, match=r"E0616: there is no database `.*none`"):
        open_database(str(tmp_path / "none"), backend)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CompileError, match=r"E0616"):
        open_database(str(tmp_path / "empty"), backend)
    with Writer(str(tmp_path / "nothing"), backend):
        pass
    with pytest.raises(CompileError, match=r"E0616: the database `.*nothing` is empty"):
        open_database(str(tmp_path / "nothing"), backend)


def test_the_other_kind_is_recognised(tmp_path):
    with pytest.raises(CompileError, match="it looks like a database of `backend: LEVELDB`"):
        open_database(written(tmp_path / "level", "leveldb"), "lmdb")
    with pytest.raises(CompileError, match="it looks like a database of `backend: LMDB`"):
        open_database(written(tmp_path / "lm", "lmdb"), "leveldb")


@pytest.mark.parametrize("size", [0, 100, 4096, 8192, 20000])
def test_a_truncated_lmdb_is_told_before_it_is_read(tmp_path, size):
    path = written(tmp_path / "db", "lmdb", 50, 3000)
    with open(f"{path}/data.mdb", "r+b") as file:
        file.truncate(size)
    with pytest.raises(CompileError, match=r"E0616: .*db.*(cut short|cannot be read|empty)"):
        open_database(path, "lmdb")


def test_a_damaged_leveldb_is_told(tmp_path):
    path = tmp_path / "db"
    written(path, "leveldb", 200, 3000)
    for file in path.glob("*.l*"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 200] = b"\xff" * 200
        file.write_bytes(data)
    with pytest.raises(CompileError, match=r"E0616"):
        database = open_database(str(path), "leveldb")
        list(islice(database.records(), 200))


DAMAGE = """
import random, sys
from itertools import islice
from pathlib import Path
from tcaffe.data.database import open_database
from tcaffe.diagnostics import CompileError

good, told = Path(sys.argv[1], "data.mdb").read_bytes(), 0
for seed in range(40):
    rng, bad = random.Random(seed), bytearray(good)
    page = rng.choice([0, 1]) if seed % 3 == 0 else rng.randrange(2, len(good) // 4096)
    for _ in range(8):
        bad[4096 * page + rng.randrange(64)] = rng.randrange(256)
    folder = Path(sys.argv[1] + str(seed))
    folder.mkdir()
    (folder / "data.mdb").write_bytes(bad)
    try:
        database = open_database(str(folder), "lmdb")
        list(islice(database.records(), 1000))
    except CompileError:
        told += 1
print(told)
"""


def test_damage_to_any_page_is_told_or_harmless(tmp_path):
    path = written(tmp_path / "db", "lmdb", 200, 3000)
    done = subprocess.run([sys.executable, "-c", DAMAGE, path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < 40
