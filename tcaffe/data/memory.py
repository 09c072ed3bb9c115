"""MemoryData: arrays the caller sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tcaffe.data.feed import Arrays, Shape, Shard
from tcaffe.data.seeds import Random, Seeds


class MemoryFeed:
    """Arrays the caller sets, cut into batches, from the first again after the last."""

    shapes: Mapping[str, Shape] = {}

    def __init__(self, layer: Any, train: bool, random: Random, shard: Shard) -> None:
        self.tops = tuple(layer.top)
        self.size: int = layer.memory_data_param.batch_size
        self.position, self.seeds = 0, Seeds(random)
        self._arrays: tuple[np.ndarray, ...] = ()

    def set(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Use `data` (N, C, H, W) and `labels` (N) without copying them; N is a multiple of the batch size."""
        if data.ndim != 4 or labels.size != len(data):
            raise RuntimeError(f"one label an item: data is {list(data.shape)}, labels {list(labels.shape)}")
        if len(data) == 0 or len(data) % self.size:
            raise RuntimeError(f"{len(data)} items are not a multiple of the batch size {self.size}")
        if data.dtype != np.float32 or labels.dtype != np.float32:
            raise RuntimeError("data and labels must be float32")
        self._arrays, self.position = (data, labels), 0

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The next items; RuntimeError where there are none."""
        if not self._arrays:
            raise RuntimeError("a MemoryData layer has no data yet: call set_input_arrays first")
        start = self.position % len(self._arrays[0])
        self.position += self.size
        part = slice(start, start + self.size)
        return {top: array[part].reshape(tops[top]) for top, array in zip(self.tops, self._arrays, strict=True)}

    def close(self) -> None:
        """Nothing is open."""
