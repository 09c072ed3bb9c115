"""`transform_param`: from the pixels of an item to the numbers that a net is fed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights import read_blob

Shape = tuple[int, ...]
Refused = Callable[[int, str], Exception]


class Transform:
    """Mirror, crop, subtract a mean, scale: out = (pixel - mean) * scale.

    Crops are at random places if it `train`s, else in the middle; mirrored are half of the items in either phase.
    Raises CompileError (E0618) for settings that contradict each other, and for a mean that cannot be read.
    """

    def __init__(self, parameter: Any, train: bool) -> None:
        self._p, self._train = parameter, train
        if parameter.force_color and parameter.force_gray:
            raise _error("both `force_color` and `force_gray` are set")
        self._mean, self._values = read_mean(parameter)

    @property
    def channels(self) -> int | None:
        """How many channels pictures are decoded to; None for those they have."""
        return 3 if self._p.force_color else 1 if self._p.force_gray else None

    def shape(self, item: Shape) -> Shape:
        """The shape [C, h, w] that items of the shape [C, H, W] become; raises CompileError where they do not fit."""
        channels, height, width = item
        crop = self._p.crop_size
        if crop > height or crop > width:
            raise _error(f"`crop_size` is {crop}, larger than an item of {height} x {width} pixels")
        if self._mean is not None and self._mean.shape != item:
            found = list(self._mean.shape)
            raise _error(f"the mean in `{self._p.mean_file}` is {found}, an item {list(item)}: they must be the same")
        if self._values.size > 1 and self._values.size != channels:
            given = f"there are {self._values.size} `mean_value` for {channels} channels"
            raise _error(given, "there is one for all, or one for each")
        return (channels, crop, crop) if crop else item

    def __call__(self, pixels: np.ndarray, random: np.random.Generator, out: np.ndarray) -> None:
        """Fill `out`, float32 [C, h, w], from `pixels`, uint8 or float32 [C, H, W]; draws from `random`."""
        flip = bool(self._p.mirror and random.integers(2))
        rows, columns = self._window(pixels.shape[1:], random)
        place = (slice(None), rows, columns)
        turn = (slice(None), slice(None), slice(None, None, -1 if flip else 1))
        out[...] = pixels[place][turn]
        if self._mean is not None:
            out -= self._mean[place][turn]
        elif self._values.size:
            out -= self._values[:, None, None]
        if self._p.scale != 1:
            out *= np.float32(self._p.scale)

    def batch(self, items: Sequence[np.ndarray], random: np.random.Generator, refused: Refused) -> np.ndarray:
        """All `items` transformed, float32 [N, C, h, w]; `refused` makes an error of one that is unlike the first."""
        shape = items[0].shape
        out = np.empty((len(items), *self.shape(shape)), np.float32)
        for k, pixels in enumerate(items):
            if pixels.shape != shape:
                raise refused(k, f"it is {list(pixels.shape)}, others of its batch are {list(shape)}")
            self(pixels, random, out[k])
        return out

    def _window(self, size: Shape, random: np.random.Generator) -> tuple[slice, slice]:
        crop = self._p.crop_size
        if not crop:
            return slice(None), slice(None)
        spare = (size[0] - crop, size[1] - crop)
        top, left = (int(random.integers(n + 1)) if self._train else n // 2 for n in spare)
        return slice(top, top + crop), slice(left, left + crop)


def read_mean(parameter: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """What a `transform_param` subtracts: the mean of a file, float32 [C, H, W], and numbers, one for all or one each.

    Raises CompileError (E0618) where both are given, or the file holds no mean.
    """
    values = np.array(parameter.mean_value, np.float32)
    if not parameter.mean_file:
        return None, values
    if values.size:
        raise _error("both `mean_file` and `mean_value` are given", "one of them says what is subtracted")
    blob = read_blob(parameter.mean_file)
    shape = (1,) * (3 - len(blob.shape)) + tuple(blob.shape)
    if len(shape) > 3 and set(shape[:-3]) != {1}:
        raise _error(f"`{parameter.mean_file}` holds an array of {list(blob.shape)}, which is no mean of pictures")
    return np.array(blob.data, np.float32).reshape(shape[-3:]), values


def _error(message: str, note: str = "") -> CompileError:
    return CompileError([Diagnostic("E0618", message, note=note)])
