"""From image files to records of a database, and from records to their mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcaffe.data.database import Database
from tcaffe.data.datum import read_datum, write_datum, write_encoded
from tcaffe.data.image import channels_of, decode_image, encode_image
from tcaffe.data.listed import Listed
from tcaffe.data.resize import resize
from tcaffe.diagnostics import CompileError, Diagnostic

CHUNK = 256  # images under way at most
SAME_KIND = {"jpeg": "jpg"}


class Converted(NamedTuple):
    """A record, and how many numbers it holds; None of one that is encoded."""

    record: bytes
    numbers: int | None = None


@dataclass(frozen=True)
class Conversion:
    """How image files become records.

    As pixels, or encoded: as `encoding` says (png, jpg, ...), and as the file is where that is "". Scaled to `size`,
    (height, width), if there is one.
    """

    gray: bool = False
    size: tuple[int, int] | None = None
    encoding: str | None = None

    def record(self, folder: str, image: Listed) -> Converted:
        """The record of an image; raises OSError where it cannot be read, or not be encoded like that."""
        path, channels = folder + image.path, 1 if self.gray else 3
        if self.encoding is None:
            pixels = self._pixels(path, channels)
            return Converted(write_datum(pixels, image.label), pixels.size)
        own = _kind(Path(path).suffix.lstrip("."))
        wanted = _kind(self.encoding) or own
        if own == wanted and self.size is None and channels_of(path) == channels:
            return Converted(write_encoded(Path(path).read_bytes(), image.label))
        return Converted(write_encoded(encode_image(self._pixels(path, channels), wanted), image.label))

    def _pixels(self, path: str, channels: int) -> np.ndarray:
        pixels = decode_image(path, channels)
        return resize(pixels, *self.size) if self.size else pixels


Attempt = tuple[Listed, Converted | OSError]
"""An image of a list with its record, or what is wrong with it."""


def converted(conversion: Conversion, folder: str, images: Sequence[Listed], threads: int) -> Iterator[Attempt]:
    """All images in their order, converted in several threads."""

    def attempt(image: Listed) -> Converted | OSError:
        try:
            return conversion.record(folder, image)
        except OSError as error:
            return error

    rest = iter(images)
    with ThreadPoolExecutor(threads) as pool:
        while chunk := list(islice(rest, CHUNK)):
            yield from zip(chunk, pool.map(attempt, chunk), strict=True)


def mean_of(database: Database, counted: Callable[[], None] = lambda: None) -> np.ndarray:
    """The mean of all records, float32 [C, H, W], `counted` after each.

    Raises CompileError: E0617 for a record that cannot be used, or is not as large as the first.
    """
    total: np.ndarray | None = None
    for key, value in islice(database.records(), len(database)):
        try:
            pixels = read_datum(value)[0]
            total = np.zeros(pixels.shape, np.float64) if total is None else total
            if pixels.shape != total.shape:
                raise ValueError(f"it is {list(pixels.shape)}, the first is {list(total.shape)}")
        except (ValueError, OSError, ImportError) as error:
            name = key.decode("utf-8", "backslashreplace")
            message = f"the record `{name}` of `{database.path}` cannot be used: {error}"
            raise CompileError([Diagnostic("E0617", message)]) from error
        total += pixels
        counted()
    assert total is not None, "a database has one record at least"
    return (total / len(database)).astype(np.float32)


def _kind(ending: str) -> str:
    return SAME_KIND.get(ending.lower(), ending.lower())
