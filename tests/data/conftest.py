"""Layers that read data, and what they give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from tcaffe.data.feed import WHOLE, Feed, Shard
from tcaffe.data.feeds import FEEDS
from tcaffe.schema import caffe_pb2


@pytest.fixture
def feed() -> Any:
    """Makes the feed of a layer from its prototxt; all are closed in the end."""
    made: list[Feed] = []

    def make(text: str, *, train: bool = False, seed: int = 0, shard: Shard = WHOLE) -> Feed:
        layer = text_format.Parse(text, caffe_pb2.LayerParameter())
        random = np.random.default_rng(seed)
        made.append(FEEDS[layer.type](layer, train, lambda: random, shard))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def labels() -> Callable[[Feed, int], list[list[float]]]:
    """The labels of so many batches."""
    return lambda feed, count: [feed.batch({})[feed.tops[-1]].tolist() for _ in range(count)]


@pytest.fixture
def resumes() -> Callable[[Callable[[], Feed]], None]:
    """Checks that a feed set to a position goes on from there, whatever it gave before."""

    def check(make: Callable[[], Feed]) -> None:
        whole, places = make(), []
        batches = []
        for _ in range(7):
            places.append(whole.position)
            batches.append({name: array.copy() for name, array in whole.batch({}).items()})
        other = make()
        for k in (4, 1, 6, 0):
            other.position = places[k]
            for expected in batches[k : k + 2]:
                found = other.batch({})
                for name, array in expected.items():
                    np.testing.assert_array_equal(found[name], array)

    return check
