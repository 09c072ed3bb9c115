"""WindowData: windows of images, some of what is looked for and some of what is not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tcaffe.data.ahead import ReadingFeed
from tcaffe.data.feed import Arrays, Shard
from tcaffe.data.image import decode_image
from tcaffe.data.listed import list_error
from tcaffe.data.resize import resize
from tcaffe.data.seeds import Random
from tcaffe.data.transform import read_mean
from tcaffe.data.windows import Span, with_context
from tcaffe.diagnostics import CompileError, Diagnostic


class Window(NamedTuple):
    """A window of an image: its class, how much it overlaps with a thing, and its first and last pixels."""

    image: int
    label: int
    overlap: float
    x1: int
    y1: int
    x2: int
    y2: int


class Drawn(NamedTuple):
    """A window that was drawn, and whether it is mirrored."""

    window: Window
    flip: bool


class WindowFeed(ReadingFeed[list[Drawn]]):
    """Windows that a file names, drawn at random and scaled to `crop_size`: backgrounds, then foregrounds.

    Raises CompileError: E0619 for a file of windows that cannot be used, and E0608 for an image.
    """

    def __init__(self, layer: Any, train: bool, random: Random, shard: Shard) -> None:
        p, t = layer.window_data_param, layer.transform_param
        super().__init__(layer, p.batch_size, random, shard)
        self._p, self._crop, self._mirror = p, t.crop_size, t.mirror
        if not t.crop_size or not 0 <= 2 * p.context_pad < t.crop_size:
            raise list_error(f"layer `{layer.name}`: `crop_size` is {t.crop_size}; it holds more than the context")
        self._images, windows = read_windows(p.source)
        self._fore = [w for w in windows if w.overlap >= p.fg_threshold]
        self._back = [w for w in windows if w.overlap < p.fg_threshold and w.overlap < p.bg_threshold]
        self._mean, values = read_mean(t)
        self._values = values[:, None, None]
        self._check()
        self._files = [self._bytes(path) for path in self._images] if p.cache_images else []
        self.shapes = self._shapes_of((3, t.crop_size, t.crop_size))

    def _check(self) -> None:
        for kind, found in (("foreground", self._fore), ("background", self._back)):
            if not found:
                raise list_error(f"`{self._p.source}` has no {kind} windows by these thresholds")
        if any(window.label <= 0 for window in self._fore):
            raise list_error(f"`{self._p.source}` has a foreground window of class 0, which is the background's")
        if self._mean is not None and min(self._mean.shape[1:]) < self._crop:
            raise list_error(f"the mean is {list(self._mean.shape)}, smaller than a crop of {self._crop} pixels")

    def _read(self, position: int) -> list[Drawn]:
        """Draw the windows of a batch."""
        random = self.seeds.at(position, self._shard.rank)
        fore = int(self._size * self._p.fg_fraction)
        kinds = [self._back] * (self._size - fore) + [self._fore] * fore
        return [
            Drawn(kind[int(random.integers(len(kind)))], bool(self._mirror and random.integers(2))) for kind in kinds
        ]

    def _make(self, position: int, stored: list[Drawn]) -> Arrays:
        data = np.zeros((self._size, 3, self._crop, self._crop), np.float32)
        for out, drawn in zip(data, stored, strict=True):
            self._fill(out, drawn)
        fore = int(self._size * self._p.fg_fraction)
        labels = [d.window.label if k >= self._size - fore else 0 for k, d in enumerate(stored)]
        return self._named(data, np.array(labels, np.float32))

    def _fill(self, out: np.ndarray, drawn: Drawn) -> None:
        """Put a window in its place; what lies beyond its image stays zero."""
        pixels = self._pixels(drawn.window.image)
        rows, columns = self._spans(drawn.window, pixels.shape[1], pixels.shape[2])
        part = resize(pixels[:, rows.start : rows.stop, columns.start : columns.stop], rows.size, columns.size)
        left = self._crop - columns.offset - columns.size if drawn.flip else columns.offset
        place = (slice(None), slice(rows.offset, rows.offset + rows.size), slice(left, left + columns.size))
        out[place] = part[:, :, ::-1] if drawn.flip else part
        if self._mean is not None:
            start = (self._mean.shape[2] - self._crop) // 2
            crop = slice(start, start + self._crop)
            out[place] -= self._mean[:, crop, crop][place]
        elif self._values.size:
            out[place] -= self._values
        out[place] *= np.float32(self._p.scale)

    def _spans(self, window: Window, height: int, width: int) -> tuple[Span, Span]:
        """Which rows and columns of the image are shown, and where."""
        x, y = (window.x1, window.x2), (window.y1, window.y2)
        square = self._p.crop_mode == "square"
        try:
            if not self._p.context_pad and not square:
                return _whole(*y, height, self._crop), _whole(*x, width, self._crop)
            half = max(y[1] - y[0] + 1, x[1] - x[0] + 1) / 2 if square else None
            pad = self._p.context_pad
            return (
                with_context(*y, height, self._crop, pad, half=half),
                with_context(*x, width, self._crop, pad, half=half),
            )
        except ValueError as error:
            raise list_error(f"image {window.image} of `{self._p.source}`: {error}") from error

    def _pixels(self, number: int) -> np.ndarray:
        try:
            return decode_image(io.BytesIO(self._files[number]) if self._files else self._path(number), 3)
        except (OSError, ImportError) as error:
            raise self._error(number, error) from error

    def _bytes(self, path: str) -> bytes:
        try:
            return Path(self._p.root_folder + path).read_bytes()
        except OSError as error:
            raise self._error(self._images.index(path), error) from error

    def _path(self, number: int) -> str:
        return str(self._p.root_folder + self._images[number])

    def _error(self, number: int, error: Exception) -> CompileError:
        message = f"the image `{self._path(number)}` cannot be used: {error}"
        return CompileError([Diagnostic("E0608", message, note=f"image {number} of `{self._p.source}`")])


def read_windows(source: str) -> tuple[list[str], list[Window]]:
    """The images that a file of windows names, and all their windows.

    Each image is `# NUMBER`, its path, channels, height and width, and a count of windows; these are a class, an
    overlap, and x1 y1 x2 y2 each. Raises CompileError (E0619) for a file that is not like that.
    """
    try:
        words = iter(Path(source).read_text(encoding="utf-8", errors="surrogateescape").split())
    except OSError as error:
        raise list_error(f"the file of windows `{source}` cannot be read: {error.strerror or error}") from error
    images: list[str] = []
    windows: list[Window] = []
    try:
        for word in words:
            if word != "#" or int(next(words)) != len(images):
                raise ValueError(f"`# {len(images)}` should be where `{word}` is")
            path, _, _, _, count = (next(words) for _ in range(5))
            windows.extend(_window(len(images), words) for _ in range(int(count)))
            images.append(path)
    except (ValueError, RuntimeError, StopIteration) as error:
        what = str(error) if isinstance(error, ValueError) else "it ends in the middle"
        raise list_error(f"`{source}` is no file of windows, at image {len(images)}: {what}") from error
    if not images:
        raise list_error(f"`{source}` names no image")
    return images, windows


def _window(image: int, words: Iterator[str]) -> Window:
    label, overlap, *corners = (next(words) for _ in range(6))
    x1, y1, x2, y2 = map(int, corners)
    return Window(image, int(label), float(np.float32(overlap)), x1, y1, x2, y2)


def _whole(first: int, last: int, length: int, crop: int) -> Span:
    """The pixels of a window, all of them, as a whole crop."""
    if not 0 <= first <= last < length:
        raise ValueError(f"a window with the pixels {first} to {last} does not lie in an image of {length} pixels")
    return Span(first, last + 1, 0, crop)
