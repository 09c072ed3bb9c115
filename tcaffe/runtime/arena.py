"""Arenas: the one block of memory in which a net's values lie."""

from __future__ import annotations

import numpy as np

from tcaffe.runtime.manifest import ALIGNMENT, View


class Arena:
    """`size` bytes, allocated once, that start on a cache line. Their content is arbitrary at first."""

    def __init__(self, size: int) -> None:
        block = np.empty(size + ALIGNMENT, np.uint8)
        start = -block.ctypes.data % ALIGNMENT
        self.bytes = block[start : start + size]

    def view(self, view: View) -> np.ndarray:
        """The array that `view` describes; raises ValueError for one that is not within the arena."""
        return look(view, self.bytes)


def look(view: View, block: np.ndarray) -> np.ndarray:
    """The array that `view` describes, in `block`; raises ValueError for one that is not within it."""
    if 0 in view.shape:  # numpy takes no strides for nothing
        return np.empty(view.shape, view.dtype)
    return np.ndarray(view.shape, view.dtype, block.data, view.offset, view.strides)
