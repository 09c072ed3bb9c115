"""Feeds: layers that bring their own data, and what they put on their tops at each forward pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tcaffe.data.dummy import DummyFeed
from tcaffe.data.feed import WHOLE, Feed, Shard
from tcaffe.data.hdf5 import Hdf5Feed
from tcaffe.data.listed import ImageFeed
from tcaffe.data.memory import MemoryFeed
from tcaffe.data.records import RecordFeed
from tcaffe.data.sampled import WindowFeed
from tcaffe.data.seeds import Random
from tcaffe.schema import caffe_pb2

Make = Callable[[Any, bool, Random, Shard], Feed]
FEEDS: Mapping[str, Make] = {
    "Data": RecordFeed,
    "ImageData": ImageFeed,
    "WindowData": WindowFeed,
    "HDF5Data": Hdf5Feed,
    "MemoryData": MemoryFeed,
    "DummyData": DummyFeed,
}
"""What each of these layers is fed by: made from the layer, whether it trains, random numbers and a shard."""
SOURCES = {"Data": "data_param", "ImageData": "image_data_param", "WindowData": "window_data_param"}


def feeds_of(message: Any, phase: str, random: Random, shard: Shard = WHOLE) -> Iterator[Feed]:
    """The feeds of a net that is filtered for `phase`, in file order, each for its share of the data.

    Warns of layers that name no source. Raises CompileError for data that cannot be read.
    """
    for layer in message.layer:
        if layer.type in SOURCES and not getattr(layer, SOURCES[layer.type]).source:
            fill = " and ".join(f"net.blobs[{top!r}].data" for top in layer.top)
            warnings.warn(f"layer {layer.name!r} ({layer.type}) names no source: write to {fill}", stacklevel=3)
        elif layer.type in FEEDS:
            own = caffe_pb2.Phase.Name(layer.phase) if layer.HasField("phase") else phase
            yield FEEDS[layer.type](layer, own == "TRAIN", random, shard if own == "TRAIN" else WHOLE)
