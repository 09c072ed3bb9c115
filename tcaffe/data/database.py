"""Databases of records, in the order of their keys: LMDB and LevelDB."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol
from weakref import WeakValueDictionary

import lmdb

from tcaffe.diagnostics import CompileError, Diagnostic

Record = tuple[bytes, bytes]
"""A key and its value."""

FILES = {"lmdb": "data.mdb", "leveldb": "CURRENT"}  # what a database of each kind has in its folder
BACKENDS = tuple(FILES)
LONGEST_KEY = 511  # bytes; of an LMDB
FIRST_MAP = 64 << 20  # bytes of an LMDB that is written; it is doubled when it is full


class Database(Protocol):
    """A database that is read. `path` is its folder."""

    path: str

    def __len__(self) -> int:
        """How many records there are; one at least."""

    def records(self, start: int = 0, step: int = 1) -> Iterator[Record]:
        """Every `step`-th record from the one numbered `start`, counted on past the end: it goes on from the first.

        Raises CompileError (E0616) where the database is damaged.
        """


def open_database(path: str, backend: str) -> Database:
    """The database in a folder; raises CompileError (E0616) where there is none, or a damaged or an empty one."""
    if not Path(path).exists():
        note = "a relative path starts at the working directory"
        raise _error(f"there is no database `{path}`", note)
    key = backend, os.path.realpath(path)
    database = _OPEN.get(key)
    if database is None:
        database = _OPEN[key] = _Lmdb(path) if backend == "lmdb" else _LevelDb(path)
    if not len(database):
        raise _error(f"the database `{path}` is empty")
    return database


def backend_of(path: str) -> str:
    """The kind of database that lies there, `lmdb` where it looks like neither."""
    return "leveldb" if Path(path, FILES["leveldb"]).exists() else "lmdb"


class _Lmdb:
    """An LMDB, mapped into memory; opened once in a process, however many read it."""

    def __init__(self, path: str) -> None:
        self.path = path
        file = Path(path, "data.mdb") if Path(path).is_dir() else Path(path)
        if not file.is_file():
            raise _error(f"`{path}` is no LMDB: it has no data.mdb", _other("leveldb", path))
        try:
            self._environment = lmdb.open(
                path, subdir=Path(path).is_dir(), readonly=True, lock=os.access(file.parent, os.W_OK),
                readahead=False, max_readers=1024,
            )  # fmt: skip
            with self._environment.begin() as transaction:
                self._count = transaction.stat()["entries"]
        except lmdb.Error as error:
            raise _error(f"`{path}` cannot be read as an LMDB: {error}") from error
        pages, page = self._environment.info()["last_pgno"] + 1, self._environment.stat()["psize"]
        if file.stat().st_size < pages * page:  # a read past the end of a mapped file ends the process
            size = file.stat().st_size
            self._environment.close()
            raise _error(f"`{path}` is cut short: data.mdb has {size} bytes, its records reach to {pages * page}")

    def __len__(self) -> int:
        return int(self._count)

    def records(self, start: int = 0, step: int = 1) -> Iterator[Record]:
        """Read on, in one transaction: what others write meanwhile is not seen."""
        skip = start % self._count
        try:
            with self._environment.begin() as transaction, transaction.cursor() as cursor:
                cursor.first()
                while True:
                    for _ in range(skip):
                        if not cursor.next():
                            cursor.first()
                    yield cursor.key(), cursor.value()
                    skip = step
        except lmdb.Error as error:
            raise _error(f"`{self.path}` is damaged: {error}") from error


class _LevelDb:
    """A LevelDB; only one process at a time may have it open."""

    def __init__(self, path: str) -> None:
        library = _plyvel()
        self.path, self._errors = path, library.Error
        try:
            self._database = library.DB(path, create_if_missing=False, paranoid_checks=True)
            self._count = sum(1 for _ in self._database.iterator(include_value=False))
        except library.Error as error:
            note = "another process may have it open" if "lock" in str(error).lower() else _other("lmdb", path)
            raise _error(f"`{path}` cannot be read as a LevelDB: {error}", note) from error

    def __len__(self) -> int:
        return self._count

    def records(self, start: int = 0, step: int = 1) -> Iterator[Record]:
        """Read on, in a snapshot: what others write meanwhile is not seen."""
        skip = start % self._count
        try:
            while True:
                for number, record in enumerate(self._database.iterator(fill_cache=False)):
                    if number == skip:
                        yield record
                        skip += step
                skip -= self._count
        except self._errors as error:
            raise _error(f"`{self.path}` is damaged: {error}") from error


_OPEN: WeakValueDictionary[tuple[str, str], _Lmdb | _LevelDb] = WeakValueDictionary()
"""What is open in this process, by kind and path: neither kind can be opened twice."""


class Writer:
    """A new database, filled in batches; used as a context that leaves nothing behind where writing fails.

    Raises CompileError (E0616) for a path that exists, and OSError for a disk that is full or cannot be written.
    """

    def __init__(self, path: str, backend: str) -> None:
        self.path, self._backend = path, backend
        if backend not in BACKENDS:
            raise _error(f"there is no kind of database `{backend}`", f"there are {' and '.join(BACKENDS)}")
        if Path(path).exists():
            raise _error(f"`{path}` is there already", "remove it, or choose another name")
        self._pending: list[Record] = []
        if backend == "lmdb":
            Path(path).mkdir(mode=0o744)
            self._database: Any = lmdb.open(path, map_size=FIRST_MAP)
        else:
            self._database = _plyvel().DB(path, create_if_missing=True, error_if_exists=True)

    def put(self, key: bytes, value: bytes) -> None:
        """Add a record; it is on the disk after the next `commit`."""
        if self._backend == "lmdb" and len(key) > LONGEST_KEY:
            name = key.decode("utf-8", "backslashreplace")
            raise _error(f"the key `{name}` has {len(key)} bytes, an LMDB takes {LONGEST_KEY}", "a LevelDB takes more")
        self._pending.append((key, value))

    def commit(self) -> None:
        """Write what was added, all of it or nothing."""
        if self._backend == "leveldb":
            with self._database.write_batch(transaction=True, sync=True) as batch:
                for key, value in self._pending:
                    batch.put(key, value)
        else:
            while not self._committed():
                self._database.set_mapsize(2 * self._database.info()["map_size"])
        self._pending.clear()

    def _committed(self) -> bool:
        """Whether all fits the map as it is now."""
        try:
            with self._database.begin(write=True) as transaction:
                for key, value in self._pending:
                    transaction.put(key, value)
        except lmdb.MapFullError:
            return False
        return True

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self.commit()
        self._database.close()
        if kind is not None:
            shutil.rmtree(self.path, ignore_errors=True)


def _other(backend: str, path: str) -> str:
    """Whether it looks like a database of the other kind."""
    return f"it looks like a database of `backend: {backend.upper()}`" if Path(path, FILES[backend]).exists() else ""


def _plyvel() -> ModuleType:
    """The optional library, loaded when the first LevelDB is opened."""
    try:
        import plyvel
    except ImportError as error:
        raise _error("reading a LevelDB needs plyvel", suggestion="pip install 'tcaffe[leveldb]'") from error
    module: ModuleType = plyvel
    return module


def _error(message: str, note: str = "", suggestion: str = "") -> CompileError:
    return CompileError([Diagnostic("E0616", message, note=note, suggestion=suggestion)])
