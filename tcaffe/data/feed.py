"""What a layer that brings its own data is to a net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from tcaffe.data.seeds import Seeds

Shape = tuple[int, ...]
Arrays = Mapping[str, np.ndarray]


class Shard(NamedTuple):
    """Which part of the data is read: of every `size` items in turn the one numbered `rank`."""

    rank: int = 0
    size: int = 1


WHOLE = Shard()


class Feed(Protocol):
    """A source of batches for `tops`; `shapes` are those that the prototxt does not tell.

    What follows depends on the seed of its `seeds` and on `position`, how many items it has given, alone: both may be
    set.
    """

    tops: tuple[str, ...]
    shapes: Mapping[str, Shape]
    position: int
    seeds: Seeds

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The values of the next forward pass, for tops of these shapes; others where the data has others."""

    def close(self) -> None:
        """Stop reading ahead, and close files."""
