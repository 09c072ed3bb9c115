"""Images that a list names, as the records of a database."""

from __future__ import annotations

import io
import os
import stat
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tcaffe.data.ahead import in_order
from tcaffe.data.database import Writer
from tcaffe.data.datum import LARGEST, write_datum, write_encoded
from tcaffe.data.image import decode_image, encode_image
from tcaffe.data.listed import Listed
from tcaffe.data.resize import resize
from tcaffe.diagnostics import CompileError, Diagnostic, Severity, Span

COMMIT = 1000  # records
Shape = tuple[int, ...]


class Made(NamedTuple):
    """A record of an image, the shape [C, H, W] it was read with, and whether the file is stored as it is."""

    image: Listed
    key: bytes
    value: bytes
    shape: Shape
    copied: bool


class Skipped(NamedTuple):
    """An image that cannot be read, and why."""

    image: Listed
    why: str


@dataclass(frozen=True)
class Conversion:
    """What becomes of an image: gray or three colours, of a `size` (height, width) or its own, pixels or a file.

    With `encoded`, records hold files of the kind that `kind` says, or of the kind that the image is.
    """

    root: str
    gray: bool = False
    size: tuple[int, int] | None = None
    encoded: bool = False
    kind: str = ""

    def record(self, place: int, image: Listed) -> Made:
        """The record of the image at a place of the list, counted from 0.

        A file that has the right kind and keeps its size is stored as it is, whatever its colours: whoever reads the
        database may ask for others. Raises OSError for what cannot be read or encoded, ImportError without Pillow.
        """
        if abs(image.label) >= 2**31:
            raise OSError(f"its label {image.label} does not fit in 32 bits")
        file = _read(self.root + image.path)
        pixels = decode_image(io.BytesIO(file), 1 if self.gray else 3)
        if self.size:
            pixels = resize(pixels, *self.size)
        key = b"%08d_%s" % (place, image.path.encode("utf-8", "surrogateescape"))
        copied = self.encoded and self._keeps(image.path)
        return Made(image, key, self._value(pixels, file if copied else b"", image), pixels.shape, copied)

    def _keeps(self, path: str) -> bool:
        """Whether the bytes of a file can be stored as they are."""
        kind = _ending(path)
        return not self.size and (self.kind in ("", kind) or (kind, self.kind) == ("jpeg", "jpg"))

    def _value(self, pixels: np.ndarray, file: bytes, image: Listed) -> bytes:
        if not self.encoded:
            return write_datum(pixels, image.label)
        return write_encoded(file or encode_image(pixels, self.kind or _ending(image.path)), image.label)


@dataclass
class Summary:
    """What was written: records, the bytes of their values, how many pictures have a shape, what was left out."""

    records: int = 0
    nbytes: int = 0
    copied: int = 0
    shapes: Counter[Shape] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, made: Made) -> None:
        """Count a record."""
        self.records += 1
        self.nbytes += len(made.value)
        self.copied += made.copied
        self.shapes[made.shape] += 1


def converted(images: Sequence[Listed], conversion: Conversion, threads: int) -> Generator[Made | Skipped]:
    """What becomes of each image, in the order of the list; several are worked on at a time.

    Raises CompileError (E0608) without Pillow.
    """

    def make(numbered: tuple[int, Listed]) -> Made | Skipped:
        try:
            return conversion.record(*numbered)
        except OSError as error:
            image = numbered[1]
            return Skipped(image, f"`{conversion.root}{image.path}` cannot be used: {error.strerror or error}")
        except ImportError as error:
            raise CompileError([Diagnostic("E0608", str(error))]) from error

    return in_order(make, enumerate(images), threads)


def convert(
    images: Sequence[Listed], conversion: Conversion, path: str, backend: str, *,
    source: str, one_size: bool = False, threads: int = 1, done: Callable[[], None] = lambda: None,
) -> Summary:  # fmt: skip
    """Write a new database of images; where it raises, or is interrupted, nothing is left of it.

    Raises CompileError: E0608 where no image can be read, one is unlike the first and all have to have `one_size`, or
    Pillow is missing; E0616 for a database that cannot be written.
    """
    with Writer(path, backend) as database, closing(converted(images, conversion, threads)) as items:
        return _store(items, database, source, one_size, done)


def _store(
    items: Iterable[Made | Skipped], database: Writer, source: str, one_size: bool, done: Callable[[], None]
) -> Summary:
    """Write the records among `items`, and call `done` after each item."""
    summary = Summary()
    for item in items:
        if isinstance(item, Skipped):
            summary.skipped.append(item)
        else:
            summary.add(item)
            if one_size and len(summary.shapes) > 1:
                raise _unlike(item, summary, source)
            database.put(item.key, item.value)
            if summary.records % COMMIT == 0:
                database.commit()
        done()
    if not summary.records:
        raise CompileError([told(skipped, source) for skipped in summary.skipped])
    return summary


def told(skipped: Skipped, source: str, severity: Severity = "error") -> Diagnostic:
    """A skipped image as a diagnostic at its line of the list."""
    return Diagnostic("E0608", skipped.why, _span(source, skipped.image), severity=severity)


def _unlike(made: Made, summary: Summary, source: str) -> CompileError:
    first = next(iter(summary.shapes))
    message = f"the image `{made.image.path}` is {list(made.shape)}, those before it are {list(first)}"
    hint = "`--resize WxH` makes all of one size"
    return CompileError([Diagnostic("E0608", message, _span(source, made.image), suggestion=hint)])


def _span(source: str, image: Listed) -> Span:
    return Span(source, image.line, 1, len(image.path), f"{image.path} {image.label}")


def _read(path: str) -> bytes:
    """The bytes of a file; raises OSError for anything else: a pipe would be waited for."""
    try:
        found = os.stat(path)
    except ValueError as error:
        raise OSError(f"its name cannot be that of a file: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a file")
    if found.st_size > LARGEST:
        raise OSError(f"it has {found.st_size} bytes: at most {LARGEST} are read")
    with open(path, "rb") as file:
        return file.read(LARGEST)


def _ending(path: str) -> str:
    """The kind of file that a name tells, in small letters."""
    return path.rpartition(".")[2].lower() if "." in path else ""
