"""Plans for gradients of pools."""

from __future__ import annotations

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.slots import chain_slots
from tcaffe.ir.types import TensorType
from tcaffe.passes.algorithm.others import region_tile
from tcaffe.passes.algorithm.plan import Ints, Plan, blocks, chain_memory
from tcaffe.passes.algorithm.storage import Surroundings
from tcaffe.passes.algorithm.taps import unpool_memory


def plan_pool_gradient(kernel: Kernel, around: Surroundings, workers: int) -> Plan:
    """Blocks that hold whole windows, with memory for what is spread along the inner axes."""
    node = kernel.anchor
    assert node is not None
    shape = _in_memory(node, node)
    positions = sorted(node.type.axes_in_memory.index(a) for a in node.attrs["axes"])
    tile = region_tile(shape, set(positions), workers)
    lengths = list(_tile_of(node, node.inputs[0], tile))
    scratch = {}
    if node.attrs["kind"] == "average":
        scratch["share"] = TensorType((workers, *lengths), node.type.dtype)
    for k, position in enumerate(reversed(positions[1:])):
        lengths[position] = shape[position]
        scratch[f"spread{k}"] = TensorType((workers, *lengths), node.type.dtype)
    storage = around.storage(kernel)
    slots = chain_slots(kernel, copied=storage.copied)
    chain = chain_memory(kernel, slots, workers, shape, tile, home=storage.needs_home)
    return Plan(tile, 0.0, {"tile": tile, **storage.attrs}, scratch | chain)


def plan_unpool(kernel: Kernel, around: Surroundings, workers: int) -> Plan:
    """Blocks of whole images, or of rows where there are few: windows at their edges are summed by both sides."""
    node = kernel.anchor
    assert node is not None
    shape, order = _in_memory(node, node), node.type.axes_in_memory
    first = order.index(node.attrs["axes"][0])
    tile, cut = (region_tile(shape, set(range(k, len(shape))), workers) for k in (first, first + 1))
    if blocks(shape, tile) < workers and cut != tile:
        tile = (*cut[:first], -(-shape[first] // workers), *shape[first + 1 :])
    storage = around.storage(kernel)
    dense = around.dense(node.inputs[0], order)
    memory = unpool_memory(node, tile, workers, dense=dense, place=storage.output_dense or storage.needs_home)
    home = "total" not in memory and (storage.needs_home or not storage.output_dense)
    slots = chain_slots(kernel, copied=storage.copied)
    chain = chain_memory(kernel, slots, workers, shape, tile, home=home)
    return Plan(tile, 0.0, {"tile": tile, **storage.attrs}, memory | chain)


def _in_memory(node: Node, value: Node) -> Ints:
    """The shape of `value` in the order of the axes of `node`."""
    return tuple(value.shape[a] for a in node.type.axes_in_memory)


def _tile_of(node: Node, value: Node, tile: Ints) -> Ints:
    """The part of `value`, which is smaller along the axes of the windows, that belongs to a block of `node`."""
    order, pooled = node.type.axes_in_memory, node.attrs["axes"]
    return tuple(value.shape[a] if a in pooled else t for a, t in zip(order, tile, strict=True))
