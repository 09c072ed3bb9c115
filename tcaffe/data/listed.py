"""ImageData: image files that a list names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tcaffe.data.ahead import ReadingFeed
from tcaffe.data.feed import Arrays, Shard
from tcaffe.data.image import decode_image
from tcaffe.data.resize import resize
from tcaffe.data.seeds import Random
from tcaffe.data.transform import Transform
from tcaffe.diagnostics import CompileError, Diagnostic

NUMBER = re.compile(r"\s*[+-]?\d{1,18}")


class Listed(NamedTuple):
    """An image that a list names, its label, and the number of the line, from 1."""

    path: str
    label: int
    line: int


def read_list(source: str) -> list[Listed]:
    """The lines `path label` of a list; paths may contain spaces, labels that are no number count as 0.

    Raises CompileError (E0619) where there is no such file, no line in it, or a line without a label.
    """
    try:
        lines = Path(source).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise list_error(f"the list of images `{source}` cannot be read: {error.strerror or error}") from error
    found = [(number, line.rstrip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise list_error(f"the list of images `{source}` is empty")
    return [Listed(*_split(source, number, line), number) for number, line in found]


class ImageFeed(ReadingFeed[list[Listed]]):
    """The images of a list in its order, or every time in another, scaled and transformed, in batches.

    Raises CompileError: E0619 for a list that cannot be used, and E0608 for an image.
    """

    def __init__(self, layer: Any, train: bool, random: Random, shard: Shard) -> None:
        p = self._p = layer.image_data_param
        super().__init__(layer, p.batch_size, random, shard)
        if bool(p.new_height) != bool(p.new_width):
            raise list_error(f"layer `{layer.name}`: `new_height` and `new_width` go together")
        self._images = read_list(p.source)
        if p.rand_skip >= len(self._images):
            raise list_error(f"`rand_skip` is {p.rand_skip}, but `{p.source}` names {len(self._images)} images")
        self._transform = Transform(layer.transform_param, train)
        self._orders: dict[tuple[int, int], np.ndarray] = {}  # of the last rounds, by seed and round
        first = self._pixels(self._images[self._places(0)[0]])
        self.shapes = self._shapes_of(self._transform.shape(first.shape))

    def _read(self, position: int) -> list[Listed]:
        return [self._images[place] for place in self._places(position)]

    def _places(self, position: int) -> list[int]:
        """Which images the batch at `position` has: places in the list."""
        skipped = int(self.seeds.at().integers(self._p.rand_skip)) if self._p.rand_skip else 0
        numbers = skipped + (position + np.arange(self._size)) * self._shard.size + self._shard.rank
        rounds, places = np.divmod(numbers, len(self._images))
        if self._p.shuffle:
            for each in np.unique(rounds):
                places[rounds == each] = self._order(int(each))[places[rounds == each]]
        return list(places)

    def _order(self, number: int) -> np.ndarray:
        """The order of a round; the last two are kept."""
        key = self.seeds.seed, number
        if key not in self._orders:
            kept = list(self._orders.items())[-1:]
            self._orders = dict(kept) | {key: self.seeds.at(number).permutation(len(self._images))}
        return self._orders[key]

    def _make(self, position: int, stored: list[Listed]) -> Arrays:
        pixels = [self._pixels(image) for image in stored]
        random = self.seeds.at(position, self._shard.rank)
        data = self._transform.batch(pixels, random, lambda k, message: self._error(stored[k], message))
        return self._named(data, np.array([image.label for image in stored], np.float32))

    def _pixels(self, image: Listed) -> np.ndarray:
        try:
            pixels = decode_image(self._p.root_folder + image.path, 3 if self._p.is_color else 1)
        except (OSError, ImportError) as error:
            raise self._error(image, str(error)) from error
        return resize(pixels, self._p.new_height, self._p.new_width) if self._p.new_height else pixels

    def _error(self, image: Listed, message: str) -> CompileError:
        place = f"line {image.line} of `{self._p.source}`"
        message = f"the image `{self._p.root_folder}{image.path}` cannot be used: {message}"
        return CompileError([Diagnostic("E0608", message, note=f"{place} names it")])


def list_error(message: str) -> CompileError:
    """A list that cannot be used."""
    return CompileError([Diagnostic("E0619", message)])


def _split(source: str, number: int, line: str) -> tuple[str, int]:
    path, space, label = line.rpartition(" ")
    if not space or not path:
        raise list_error(f"line {number} of `{source}` has no label: a line is `path label`")
    found = NUMBER.match(label)
    return path, int(found[0]) if found else 0
