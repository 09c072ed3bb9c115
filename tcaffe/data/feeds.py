"""Feeds: layers that bring their own data, and what they put on their tops at each forward pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from tcaffe.data.hdf5 import Hdf5Batches
from tcaffe.frontend.fillers import fill

Shape = tuple[int, ...]
Random = Callable[[], np.random.Generator]
"""Gives the generator of the moment: scripts may start all random numbers anew."""
Arrays = Mapping[str, np.ndarray]
CONSTANT = ("constant", "bilinear")  # fillers whose numbers are part of the program


class Feed(Protocol):
    """A source of batches for `tops`: `shapes` of those the prototxt does not tell, and `batch`, the next values."""

    tops: tuple[str, ...]
    shapes: Mapping[str, Shape]

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The values of the next forward pass, for tops of these shapes."""


class MemoryFeed:
    """Arrays the caller sets, cut into batches, from the first again after the last."""

    shapes: Mapping[str, Shape] = {}

    def __init__(self, layer: Any, random: Random) -> None:
        self.tops = tuple(layer.top)
        self.size: int = layer.memory_data_param.batch_size
        self._arrays: tuple[np.ndarray, ...] = ()
        self._next = 0

    def set(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Use `data` (N, C, H, W) and `labels` (N) without copying them; N is a multiple of the batch size."""
        if data.ndim != 4 or labels.size != len(data):
            raise RuntimeError(f"one label an item: data is {list(data.shape)}, labels {list(labels.shape)}")
        if len(data) == 0 or len(data) % self.size:
            raise RuntimeError(f"{len(data)} items are not a multiple of the batch size {self.size}")
        if data.dtype != np.float32 or labels.dtype != np.float32:
            raise RuntimeError("data and labels must be float32")
        self._arrays, self._next = (data, labels), 0

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The next items; RuntimeError where there are none."""
        if not self._arrays:
            raise RuntimeError("a MemoryData layer has no data yet: call set_input_arrays first")
        part = slice(self._next, self._next + self.size)
        self._next = part.stop % len(self._arrays[0])
        return {top: array[part].reshape(tops[top]) for top, array in zip(self.tops, self._arrays, strict=True)}


class DummyFeed:
    """Numbers drawn anew at each pass, for the tops of a DummyData layer whose filler is random."""

    shapes: Mapping[str, Shape] = {}

    def __init__(self, layer: Any, random: Random) -> None:
        self._random = random
        fillers = list(layer.dummy_data_param.data_filler)
        of_top = zip(layer.top, fillers * len(layer.top) if len(fillers) == 1 else fillers, strict=False)
        self._fillers = {top: filler for top, filler in of_top if filler.type not in CONSTANT}
        self.tops = tuple(self._fillers)

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """New numbers."""
        return {top: fill(filler, tops[top], self._random()) for top, filler in self._fillers.items()}


class Hdf5Feed:
    """The rows of HDF5 files."""

    def __init__(self, layer: Any, random: Random) -> None:
        p = layer.hdf5_data_param
        self._batches = Hdf5Batches(p.source, list(layer.top), p.batch_size, random() if p.shuffle else None)
        self.tops = tuple(layer.top)
        self.shapes = self._batches.shapes

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The next rows."""
        return next(self._batches)


Make = Callable[[Any, Random], Feed]
FEEDS: Mapping[str, Make] = {"MemoryData": MemoryFeed, "DummyData": DummyFeed, "HDF5Data": Hdf5Feed}

UNREAD = ("Data", "ImageData", "WindowData")  # layers whose tops the caller has to fill


def feeds_of(message: Any, random: Random) -> Iterator[Feed]:
    """The feeds of a filtered net, in file order, drawing from `random`; warns of layers whose data it cannot bring."""
    for layer in message.layer:
        if layer.type in UNREAD:
            fill = " and ".join(f"net.blobs[{top!r}].data" for top in layer.top)
            warnings.warn(f"layer {layer.name!r} ({layer.type}) does not read its data: write to {fill}", stacklevel=3)
        elif layer.type in FEEDS:
            yield FEEDS[layer.type](layer, random)
