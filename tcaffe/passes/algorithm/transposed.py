"""Plans for transposed convolutions: as convolutions with flipped filters, or by spreading every pixel."""

from __future__ import annotations

import math

from tcaffe.ir.geometry import geometry, mirrored
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.slots import chain_slots
from tcaffe.ir.types import TensorType
from tcaffe.passes.algorithm import costs, forms
from tcaffe.passes.algorithm.convolution import plan_convolution
from tcaffe.passes.algorithm.plan import Ints, Plan, blocks, chain_memory, parts
from tcaffe.passes.algorithm.storage import Surroundings
from tcaffe.passes.static import Parameters


def plan_transposed(kernel: Kernel, around: Surroundings, workers: int, parameters: Parameters) -> Plan:
    """The cheaper one of a convolution with flipped filters, where there is one, and of spreading.

    A convolution sums in registers what overlapping windows sum in memory, and Winograd may compute it; but where the
    image is padded it multiplies zeros.
    """
    anchor = kernel.anchor
    assert anchor is not None
    spreading = plan_spreading(kernel, around, workers)
    if mirrored(anchor) is None:
        return spreading
    flipped = plan_convolution(kernel, around.storage(kernel), workers, parameters)
    return flipped if flipped.cost <= spreading.cost else spreading


def plan_spreading(kernel: Kernel, around: Surroundings, workers: int) -> Plan:
    """Blocks of rows of the result: the pixels whose windows reach in are multiplied with all filters."""
    anchor = kernel.anchor
    assert anchor is not None
    geo = geometry(anchor)
    shape = tuple(anchor.shape[a] for a in anchor.type.axes_in_memory)
    tile, scratch = _tile(anchor, shape, workers, around.rows(anchor.inputs[0]))
    weights = anchor.inputs[1]
    form = forms.taps(geo) if geo.depthwise else forms.spread(geo)
    cost = costs.spread(blocks(shape, tile), _block_cost(anchor, tile), workers)
    chain = chain_memory(kernel, chain_slots(kernel, copied=False), workers, shape, tile, home=False)
    return Plan(tile, cost, {"tile": tile}, scratch | chain, {weights: form})


def _block_cost(anchor: Node, tile: Ints) -> float:
    """Seconds for one block: products, each added to where its window lies."""
    geo = geometry(anchor)
    pixels = tile[0] * _reach(anchor, tile) * math.prod(geo.out[1:])
    added = pixels * geo.taps * geo.channels * costs.OVERLAP
    calls = 2 * geo.taps * costs.CALL
    if geo.depthwise:
        return added + calls
    return added + calls + geo.groups * costs.gemm(pixels, geo.filters // geo.groups, geo.depth)


def _tile(anchor: Node, shape: Ints, workers: int, flat: bool) -> tuple[Ints, dict[str, TensorType]]:
    """The largest block that leaves work for everybody and fits into memory, and that memory."""
    extent = geometry(anchor).extent[0]
    for images in parts(shape[0]):
        tile = (images, *shape[1:])
        scratch = _memory(anchor, tile, workers, flat)
        if blocks(shape, tile) >= workers and sum(kind.nbytes for kind in scratch.values()) <= costs.NEAR * workers:
            return tile, scratch
    for rows in (*parts(shape[1]), 1):
        tile = (1, rows, *shape[2:])
        scratch = _memory(anchor, tile, workers, flat)
        shared = blocks(shape, tile) >= workers or rows <= extent
        if shared and sum(kind.nbytes for kind in scratch.values()) <= costs.SCRATCH * workers:
            break
    return tile, scratch


def _memory(anchor: Node, tile: Ints, workers: int, flat: bool) -> dict[str, TensorType]:
    """The sum of a block, the products that are added to it, and the pixels where they do not lie in rows."""
    geo, dtype = geometry(anchor), anchor.type.dtype
    reach = _reach(anchor, tile)
    padded = tuple(n + 2 * p for n, p in zip(geo.image[1:], geo.pad[1:], strict=True))
    pixels = tile[0] * reach * math.prod(geo.out[1:])
    products = (tile[0], reach, *geo.out[1:], geo.channels) if geo.depthwise else (pixels * geo.taps * geo.channels,)
    dense = {"dense": TensorType((workers, tile[0], reach, *geo.out[1:], geo.filters), dtype)}
    return ({} if flat or geo.depthwise else dense) | {
        "total": TensorType((workers, tile[0], tile[1], *padded, geo.channels), dtype),
        "products": TensorType((workers, *products), dtype),
    }


def _reach(anchor: Node, tile: Ints) -> int:
    """The rows of pixels whose windows may reach into a block."""
    geo = geometry(anchor)
    if tile[1] == geo.image[0]:
        return geo.out[0]
    return min(geo.out[0], (tile[1] - 1 + geo.extent[0] - 1) // geo.stride[0] + 1)
