"""What a weights file holds: layers by name, each with arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, ...]
LEGACY_RANK = 4


@dataclass(frozen=True)
class StoredBlob:
    """An array of a file: its numbers, flat, of any float type, and its shape.

    `legacy` marks the four numbers of old files (num, channels, height, width), which stand for any shape that is
    the same once ones are put in front.
    """

    shape: Shape
    data: np.ndarray
    legacy: bool = False

    def fits(self, shape: Shape) -> bool:
        """Whether the array can be a parameter of that shape."""
        if not self.legacy:
            return self.shape == shape
        return len(shape) <= LEGACY_RANK and self.shape == (1,) * (LEGACY_RANK - len(shape)) + shape

    @property
    def complete(self) -> bool:
        """Whether there are as many numbers as the shape says."""
        return self.data.size == math.prod(self.shape)


@dataclass(frozen=True)
class StoredLayer:
    """The arrays of one layer, in the layer's own order; None where a file leaves out a shared one."""

    name: str
    blobs: tuple[StoredBlob | None, ...]
    file: str = ""
