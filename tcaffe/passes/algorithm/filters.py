"""Plans for gradients of filters: as matrix products over all positions of the images, or channel by channel."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tcaffe.ir.geometry import Geometry, geometry
from tcaffe.ir.program import Kernel
from tcaffe.ir.types import TensorType
from tcaffe.passes.algorithm import costs
from tcaffe.passes.algorithm.convolution import pad_memory
from tcaffe.passes.algorithm.plan import Ints, Plan, blocks, parts
from tcaffe.passes.algorithm.storage import Surroundings


def plan_filter_gradient(kernel: Kernel, around: Surroundings, workers: int) -> Plan:
    """The cheapest plan whose scratch memory stays within bounds, or the one with the least scratch memory."""
    found = list(_plans(kernel, around, workers))
    fitting = [p for p in found if p.scratch_bytes <= costs.SCRATCH * workers]
    return min(fitting, key=lambda p: p.cost) if fitting else min(found, key=lambda p: p.scratch_bytes)


def _plans(kernel: Kernel, around: Surroundings, workers: int) -> Iterator[Plan]:
    """A plan for every way to cut the positions into blocks: whole images, or rows of one."""
    node = kernel.anchor
    assert node is not None
    geo, (x, g) = geometry(node), node.inputs
    dtype = node.type.dtype
    direct = geo.plain and geo.groups == 1 and around.rows(x)
    algorithm = "depthwise" if geo.depthwise else "gemm" if direct else "im2col"
    for tile in _tiles(geo):
        shares = min(workers, blocks((geo.items, *geo.out, geo.filters), tile))
        memory = {} if around.rows(g) else {"dense": TensorType((workers, *tile), dtype)}
        if algorithm != "gemm" and any(geo.pad):
            memory["pad"] = pad_memory(geo, tile, workers, dtype)
        if algorithm == "im2col":
            memory["col"] = TensorType((workers, math.prod(tile[:-1]) * geo.depth * geo.groups), dtype)
        yield _plan(geo, tile, algorithm, shares, workers, memory, dtype)


def _tiles(geo: Geometry) -> Iterator[Ints]:
    in_sight = geo.pad[0] < geo.extent[0] if geo.pad else False  # else rows may see nothing but padding
    for rows in parts(geo.out[0]) if in_sight else ():
        yield (1, rows, *geo.out[1:], geo.filters)
    for images in parts(geo.items):
        yield (images, *geo.out, geo.filters)


def _plan(
    geo: Geometry, tile: Ints, algorithm: str, shares: int, workers: int, memory: dict[str, TensorType], dtype: str
) -> Plan:
    """The plan for one tile: sums by share, and what a block adds to them."""
    count = blocks((geo.items, *geo.out, geo.filters), tile)
    shape = (*geo.kernel, geo.channels) if geo.depthwise else (geo.depth, geo.filters // geo.groups)
    shape = shape if geo.groups == 1 or geo.depthwise else (geo.groups, *shape)
    sums = {"sums": TensorType((shares, *shape), dtype)}
    if count > shares:
        sums["part"] = TensorType((workers, *shape), dtype)
    cost = costs.spread(shares, -(-count // shares) * _block_cost(geo, tile, memory), workers)
    cost += (shares + 2) * math.prod(shape) * costs.PASS
    return Plan(tile, cost, {"algorithm": algorithm, "shares": shares, "tile": tile}, memory | sums)


def _block_cost(geo: Geometry, tile: Ints, memory: dict[str, TensorType]) -> float:
    """Seconds for one block: its windows gathered, multiplied, and added to the sum."""
    positions = math.prod(tile[:-1])
    each = 8 * costs.CALL
    for kind in memory.values():
        size = math.prod(kind.shape[1:])
        each += size * costs.GATHER * costs.distance(4 * size) * (2 if geo.planar or geo.channels < 16 else 1)
    if geo.depthwise:
        return each + positions * geo.taps * geo.channels * costs.SUM_OF_PRODUCTS
    per = geo.filters // geo.groups
    return each + geo.groups * (costs.gemm(geo.depth, positions, per) + 3 * geo.depth * per * costs.PASS)
