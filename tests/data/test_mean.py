"""The mean of a database: of all its records, in double precision, where they have one size."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.data.database import BACKENDS, Writer, backend_of, open_database
from tcaffe.data.datum import write_datum, write_encoded
from tcaffe.data.image import encode_image
from tcaffe.data.mean import mean_of
from tcaffe.diagnostics import CompileError

pytest.importorskip("PIL")
pytest.importorskip("plyvel")


def database(path, values, backend="lmdb"):
    with Writer(str(path), backend) as writer:
        for k, value in enumerate(values):
            writer.put(b"%08d" % k, value)
    assert backend_of(str(path)) == backend
    return open_database(str(path), backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("threads", [1, 3])
def test_of_pixels_and_of_files(tmp_path, backend, threads):
    pictures = np.random.default_rng(1).integers(0, 256, (7, 3, 4, 5), dtype=np.uint8)
    values = [write_encoded(encode_image(p, "png")) if k % 2 else write_datum(p) for k, p in enumerate(pictures)]
    ticks: list[None] = []
    mean = mean_of(database(tmp_path / "db", values, backend), threads, lambda: ticks.append(None))
    assert mean.dtype == np.float64
    np.testing.assert_allclose(mean, pictures.mean(0, dtype=np.float64), rtol=1e-15)
    assert len(ticks) == 7


def test_small_numbers_after_large_ones_are_not_lost(tmp_path):
    values = [2.0**24] + [1.0] * 15
    found = mean_of(database(tmp_path / "db", [write_datum(np.full((1, 1, 1), v, np.float32)) for v in values]))
    assert found.item() == (2**24 + 15) / 16


def test_records_of_several_sizes(tmp_path):
    values = [write_datum(np.zeros((3, 2, n), np.uint8)) for n in (2, 2, 1)]
    with pytest.raises(CompileError, match=r"E0617: the record `00000002` of `.*db` .*\[3, 2, 1\], .* \[3, 2, 2\]"):
        mean_of(database(tmp_path / "db", values), 2)


@pytest.mark.parametrize("value", [b"\xff\xff", write_encoded(b"no image")])
def test_records_that_are_none(tmp_path, value):
    with pytest.raises(CompileError, match="E0617: the record `00000000`"):
        mean_of(database(tmp_path / "db", [value]))
