"""Windows of images cropped with some of what is around them, for nets that classify what is in a window."""

from __future__ import annotations

import math
from typing import NamedTuple


class Span(NamedTuple):
    """One axis of a crop: pixels `start` to `stop`, without it, of the image become `size` pixels from `offset` on."""

    start: int
    stop: int
    offset: int
    size: int


def with_context(
    first: int, last: int, length: int, crop: int, pad: int, *, half: float | None = None
) -> Span:
    """The window of the pixels `first` to `last`, both in it, such that `pad` pixels at each end of the crop show more.

    The window, or one that reaches `half` pixels from its centre, grows about it by crop / (crop - 2 pad) and is
    scaled to `crop` pixels; what of it lies outside the image, of `length` pixels, is left out of the crop. Raises
    ValueError for a window that has no pixel in the image, and where no pixel of the crop is left for the window.
    """
    if not 0 <= 2 * pad < crop:
        raise ValueError(f"{pad} pixels of context at each end leave no pixel of {crop} for the window")
    own = (last - first + 1) / 2
    half = own if half is None else half
    centre, grown = first + own, half * crop / (crop - 2 * pad)
    first, last = _rounded(centre - grown), _rounded(centre + grown)
    start, stop = max(first, 0), min(last + 1, length)
    if half <= 0 or start >= stop:
        raise ValueError(f"a window with the pixels {first} to {last} has nothing of an image of {length} pixels")
    scale = crop / (last - first + 1)
    offset = _rounded((start - first) * scale)
    return Span(start, stop, offset, min(_rounded((stop - start) * scale), crop - offset))


def _rounded(x: float) -> int:
    """The nearest integer, of two the one farther from zero: as C rounds, not as Python does."""
    return int(math.copysign(math.floor(abs(x) + 0.5), x))
