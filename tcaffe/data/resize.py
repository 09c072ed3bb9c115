"""Scaling pictures as Caffe's tools do: bilinear between the four nearest pixels, without smoothing."""

from __future__ import annotations

import numpy as np

ONE = 2048  # weights are whole numbers of this part, as in the library that Caffe reads pictures with


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 [C, height, width] from uint8 [C, H, W].

    Centres of pixels lie at half numbers; what lies beyond the outermost centres is as the outermost pixels.
    """
    if pixels.shape[1:] == (height, width):
        return pixels
    mixed = np.zeros((len(pixels), height, width), np.int32)
    for rows, down in _between(pixels.shape[1], height):
        near = pixels[:, rows]
        line = sum(near[:, :, columns] * across for columns, across in _between(pixels.shape[2], width))
        mixed += (down[:, None] * (line >> 4)) >> 16
    return ((mixed + 2) >> 2).astype(np.uint8)


def _between(size: int, wanted: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """For each of `wanted` places the two pixels, of `size`, that it lies between, each with its weight."""
    places = ((np.arange(wanted) + 0.5) * (size / wanted) - 0.5).astype(np.float32)
    places = np.clip(places, 0, size - 1)
    first = np.floor(places).astype(np.intp)
    part = (places - first).astype(np.float32)
    weights = (np.rint(w * np.float32(ONE)).astype(np.int32) for w in (1 - part, part))
    return tuple(zip((first, np.minimum(first + 1, size - 1)), weights, strict=True))
