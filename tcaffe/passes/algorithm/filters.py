"""Plans for gradients of filters: matrix products over all positions of the images, a slice of channels at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tcaffe.ir.geometry import Geometry, geometry
from tcaffe.ir.program import Kernel
from tcaffe.ir.types import TensorType
from tcaffe.passes.algorithm import costs
from tcaffe.passes.algorithm.convolution import pad_memory
from tcaffe.passes.algorithm.plan import Ints, Plan, blocks, parts
from tcaffe.passes.algorithm.storage import Surroundings

MIN_SLICE = 16
"""Channels of the thinnest slice: runs of fewer floats are slow to copy."""


def plan_filter_gradient(kernel: Kernel, around: Surroundings, workers: int) -> Plan:
    """The cheapest plan whose scratch memory stays within bounds, or the one with the least scratch memory."""
    found = list(FilterGradient(kernel, around, workers).plans())
    fitting = [p for p in found if p.scratch_bytes <= costs.SCRATCH * workers]
    return min(fitting, key=lambda p: p.cost) if fitting else min(found, key=lambda p: p.scratch_bytes)


@dataclass
class FilterGradient:
    """The plans of one kernel.

    A task has a slice of the channels, of one group, and sums over all blocks of positions. Where there is one slice
    only, the blocks are shared out among tasks, whose sums are added at the end.
    """

    kernel: Kernel
    around: Surroundings
    workers: int

    def __post_init__(self) -> None:
        node = self.kernel.anchor
        assert node is not None
        x, g = node.inputs
        self.geo, self.dtype = geometry(node), node.type.dtype
        self.dense = self.around.rows(g)
        plain = self.geo.plain and self.around.rows(x)
        self.algorithm = "depthwise" if self.geo.depthwise else "gemm" if plain else "im2col"

    def plans(self) -> Iterator[Plan]:
        """Every plan worth a thought."""
        for tile in self.tiles():
            for width in self.slices():
                yield self.plan(tile, width)

    def tiles(self) -> Iterator[Ints]:
        """Blocks of positions: rows of an image, or whole images."""
        geo = self.geo
        in_sight = bool(geo.pad) and geo.pad[0] < geo.extent[0]  # else rows may see nothing but padding
        for rows in parts(geo.out[0])[1:] if in_sight else ():
            yield (1, rows, *geo.out[1:], geo.filters)
        for images in parts(geo.items):
            yield (images, *geo.out, geo.filters)

    def slices(self) -> list[int]:
        """Widths into which the channels of a group can be cut evenly; all channels of a depthwise convolution."""
        per = self.geo.channels if self.geo.depthwise else self.geo.channels // self.geo.groups
        counts = range(1, per // MIN_SLICE + 1) if not self.geo.depthwise else ()
        return [per // n for n in counts if per % n == 0] or [per]

    def plan(self, tile: Ints, width: int) -> Plan:
        """The plan for one tile and slice."""
        geo, workers = self.geo, self.workers
        count = blocks((geo.items, *geo.out, geo.filters), tile)
        slices = geo.channels // width
        shares = min(workers, count) if slices == 1 else 1
        part = geo if geo.depthwise else replace(geo, channels=width, filters=geo.filters // geo.groups, groups=1)
        memory = self.block_memory(part, tile)
        shape = (*geo.kernel, geo.channels) if geo.depthwise else (part.depth, part.filters)
        memory["sums"] = TensorType((shares if slices == 1 else workers, *shape), self.dtype)
        if count > shares:
            memory["part"] = TensorType((workers, *shape), self.dtype)
        each = -(-count // shares) * self.block_cost(part, tile, memory) + math.prod(shape) * 2 * costs.SCATTER
        cost = costs.spread(slices * shares, each, workers) + shares * math.prod(shape) * costs.PASS
        attrs = {"algorithm": self.algorithm, "shares": shares, "slice": width, "tile": tile}
        return Plan(tile, cost, attrs, memory)

    def block_memory(self, part: Geometry, tile: Ints) -> dict[str, TensorType]:
        """What is copied for one block of one slice."""
        tile, workers = (*tile[:-1], part.filters), self.workers
        memory = {} if self.dense else {"dense": TensorType((workers, *tile), self.dtype)}
        if self.algorithm != "gemm" and any(part.pad):
            memory["pad"] = pad_memory(part, tile, workers, self.dtype)
        if self.algorithm == "im2col":
            memory["col"] = TensorType((workers, math.prod(tile[:-1]) * part.depth), self.dtype)
        return memory

    def block_cost(self, part: Geometry, tile: Ints, memory: dict[str, TensorType]) -> float:
        """Seconds for one block of one slice: windows gathered, multiplied, and added to the sum."""
        positions, each = math.prod(tile[:-1]), 8 * costs.CALL
        for what in memory.keys() & {"dense", "pad", "col"}:
            size = memory[what].size // self.workers
            slow = 2 if part.planar or part.channels < MIN_SLICE else 1
            each += size * costs.GATHER * costs.distance(4 * size) * slow
        if part.depthwise:
            return each + positions * part.taps * part.channels * costs.SUM_OF_PRODUCTS
        sums = part.depth * part.filters
        adding = 3 * sums * costs.PASS * costs.distance(8 * sums) if "part" in memory else 0.0
        return each + costs.gemm(part.depth, positions, part.filters) + adding
