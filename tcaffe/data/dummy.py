"""DummyData: numbers drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tcaffe.data.feed import Arrays, Shape, Shard
from tcaffe.data.seeds import Random, Seeds
from tcaffe.frontend.fillers import fill

CONSTANT = ("constant", "bilinear")  # fillers whose numbers are part of the program


class DummyFeed:
    """Numbers drawn anew at each pass, for the tops of a DummyData layer whose filler is random."""

    shapes: Mapping[str, Shape] = {}

    def __init__(self, layer: Any, train: bool, random: Random, shard: Shard) -> None:
        self.seeds, self._shard = Seeds(random), shard
        self.position = 0
        fillers = list(layer.dummy_data_param.data_filler)
        of_top = zip(layer.top, fillers * len(layer.top) if len(fillers) == 1 else fillers, strict=False)
        self._fillers = {top: filler for top, filler in of_top if filler.type not in CONSTANT}
        self.tops = tuple(self._fillers)

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """New numbers."""
        if self.seeds.renew():
            self.position = 0
        random = self.seeds.at(self.position, self._shard.rank)
        self.position += 1
        return {top: fill(filler, tops[top], random) for top, filler in self._fillers.items()}

    def close(self) -> None:
        """Nothing is open."""
