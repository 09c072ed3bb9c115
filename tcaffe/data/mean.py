"""The mean of the pictures of a database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import islice

import numpy as np

from tcaffe.data.ahead import in_order
from tcaffe.data.database import Database, Record
from tcaffe.data.datum import read_datum
from tcaffe.data.records import record_error


def mean_of(database: Database, threads: int = 1, done: Callable[[], None] = lambda: None) -> np.ndarray:
    """The mean of all records, float64 [C, H, W], blue first; encoded pictures have the channels of their files.

    `done` is called after each record. Raises CompileError: E0616 for a damaged database, and E0617 for a record
    that is no picture or has another shape than the first.
    """

    def decoded(record: Record) -> tuple[bytes, np.ndarray]:
        try:
            return record[0], read_datum(record[1])[0]
        except (ValueError, OSError, ImportError) as error:
            raise record_error(database.path, record[0], str(error)) from error

    total = np.zeros(0)
    with closing(in_order(decoded, islice(database.records(), len(database)), threads)) as items:
        for number, (key, pixels) in enumerate(items):
            if number == 0:
                total = np.zeros(pixels.shape)
            if pixels.shape != total.shape:
                raise record_error(database.path, key, f"it is {list(pixels.shape)}, the first {list(total.shape)}")
            total += pixels
            done()
    return total / len(database)
