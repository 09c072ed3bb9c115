"""Data: the records of a database."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from tcaffe.data.ahead import ReadingFeed
from tcaffe.data.database import Record, open_database
from tcaffe.data.datum import read_datum
from tcaffe.data.feed import Arrays, Shard
from tcaffe.data.seeds import Random
from tcaffe.data.transform import Transform
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.schema import caffe_pb2


class RecordFeed(ReadingFeed[list[Record]]):
    """The records of a database in the order of their keys, from the first again after the last, in batches.

    The shape of a batch is that of its first record; the others have to have the same. Raises CompileError for a
    database (E0616), a record (E0617) or a transformation (E0618) that cannot be used.
    """

    def __init__(self, layer: Any, train: bool, random: Random, shard: Shard) -> None:
        p = layer.data_param
        super().__init__(layer, p.batch_size, random, shard)
        lmdb = p.backend == caffe_pb2.DataParameter.LMDB
        self._database = open_database(p.source, "lmdb" if lmdb else "leveldb")
        self._transform = Transform(layer.transform_param, train)
        self._stream: Iterator[Record] = iter(())
        self._next = -1  # the position that the stream is at
        first = self._decoded(next(self._database.records()))[0]
        self.shapes = self._shapes_of(self._transform.shape(first.shape))

    def _read(self, position: int) -> list[Record]:
        if position != self._next:
            start = position * self._shard.size + self._shard.rank
            self._stream = self._database.records(start, self._shard.size)
        self._next = position + self._size
        return list(islice(self._stream, self._size))

    def _make(self, position: int, stored: list[Record]) -> Arrays:
        decoded = [self._decoded(record) for record in stored]
        random = self.seeds.at(position, self._shard.rank)
        data = self._transform.batch([pixels for pixels, _ in decoded], random, lambda k, m: self._error(stored[k], m))
        return self._named(data, np.array([label for _, label in decoded], np.float32))

    def _decoded(self, record: Record) -> tuple[np.ndarray, int]:
        try:
            return read_datum(record[1], self._transform.channels)
        except (ValueError, OSError, ImportError) as error:
            raise self._error(record, str(error)) from error

    def _error(self, record: Record, message: str) -> CompileError:
        return record_error(self._database.path, record[0], message)


def record_error(path: str, key: bytes, message: str) -> CompileError:
    """A record, of the database at `path`, that cannot be used."""
    name = key.decode("utf-8", "backslashreplace")
    return CompileError([Diagnostic("E0617", f"the record `{name}` of `{path}` cannot be used: {message}")])
