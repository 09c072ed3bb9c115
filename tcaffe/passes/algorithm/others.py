"""Plans for everything that is not a convolution: dots, pools, regions, copies."""

from __future__ import annotations

import math

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.slots import accumulates, assign_slots, chain_slots, domain, margin, reduced_axes
from tcaffe.ir.types import TensorType
from tcaffe.passes.algorithm import costs
from tcaffe.passes.algorithm.plan import Ints, Plan, blocks, chain_memory, row_memory, slot_memory
from tcaffe.passes.algorithm.storage import Storage
from tcaffe.passes.algorithm.taps import tap_memory, tap_of

BLOCK = 1 << 15
"""Elements of a block of pointwise work: a few of them fit into the second-level cache."""
LONG_SLICE = 32
"""Elements of a slice from which slices are added one at a time."""
SMALL = 1 << 14
"""Elements that are not worth a second worker."""


def plan_region(kernel: Kernel, workers: int) -> Plan:
    """Blocks of a pointwise region, which may hold reductions: these keep their axes whole."""
    if kernel.anchor is not None and kernel.anchor.op.family == "reduce" and accumulates(kernel.anchor):
        return plan_sums(kernel, workers)
    kind = domain(kernel.nodes)
    order = kind.axes_in_memory
    shape = tuple(kind.shape[a] for a in order)
    whole = {order.index(a) for n in kernel.nodes if n.op.family in ("reduce", "window") for a in n.attrs["axes"]}
    tile = region_tile(shape, whole, workers)
    slots = assign_slots(kernel.nodes, kernel.outputs)
    reduced = tuple(order.index(a) for a in reduced_axes(kernel.nodes))
    scratch = (
        slot_memory(slots, workers, tile, reduced, margin(kernel.nodes))
        | row_memory(kernel, shape, tile)
        | _tables(kernel)
    )
    return Plan(tile, 0.0, {"tile": tile}, scratch)


def plan_sums(kernel: Kernel, workers: int) -> Plan:
    """Blocks of a region whose reductions go on from block to block, each worker's share of them by itself."""
    kind = domain(kernel.nodes)
    shape = tuple(kind.shape[a] for a in kind.axes_in_memory)
    kept = {k for k, a in enumerate(kind.axes_in_memory) if a not in reduced_axes(kernel.nodes)}
    tile = region_tile(shape, kept, workers)
    count = blocks(shape, tile)
    shares = min(workers, count)
    memory = slot_memory(assign_slots(kernel.nodes, kernel.outputs), workers, tile)
    reductions = [n for n in kernel.nodes if n.op.family == "reduce"]
    rest = tuple(n if k in kept else 1 for k, n in enumerate(shape))
    for k, node in enumerate(reductions):
        memory[f"sums{k}"] = TensorType((shares, *rest), node.type.dtype)
        if count > shares:
            memory[f"part{k}"] = TensorType((workers, *rest), node.type.dtype)
    if kept and any(n.op.name == "reduce_sum" for n in reductions):
        memory["ones"] = TensorType((math.prod(tile) // math.prod(rest),), kind.dtype)
    memory |= row_memory(kernel, shape, tile) | _tables(kernel)
    return Plan(tile, 0.0, {"shares": shares, "tile": tile}, memory)


def region_tile(shape: Ints, whole: set[int], workers: int) -> Ints:
    """A block of about BLOCK elements that spans the axes at the positions `whole`.

    Outer axes are cut first. Invariant: before an axis that is cut into ranges all others are whole or cut to single
    elements, so that a block is one run of memory where its innermost axes are whole.
    """
    size = math.prod(shape)
    if size <= SMALL:
        return shape
    aim = max(SMALL // 2, min(BLOCK, -(-size // workers)))
    tile = list(shape)
    for k, n in enumerate(shape):
        now = math.prod(tile)
        if k in whole or now <= aim:
            continue
        tile[k] = max(1, n * aim // now)
        tile[k] = -(-n // -(-n // tile[k]))  # as many blocks, more nearly even
    return tuple(tile)


def plan_pool(kernel: Kernel, storage: Storage, workers: int) -> Plan:
    """Blocks of rows of a pool's result."""
    pool, tap = kernel.anchor, tap_of(kernel)
    assert pool is not None
    order = pool.type.axes_in_memory
    shape = tuple(pool.shape[a] for a in order)
    axes = sorted(order.index(a) for a in pool.attrs["axes"])
    reach = math.prod(pool.attrs["stride"])
    tile = shape if math.prod(shape) * reach <= SMALL else _pool_tile(shape, set(axes[1:]), reach, workers)
    if pool is tap:
        return Plan(tile, 0.0, {"tile": tile}, tap_memory(tap, tile, workers, alone=True))
    if tap is not None:
        scratch = tap_memory(tap, tile, workers, alone=False)
    else:
        scratch = _pool_memory(pool, tile, workers)
    slots = chain_slots(kernel, copied=storage.copied)
    chain = chain_memory(kernel, slots, workers, shape, tile, home=storage.needs_home)
    return Plan(tile, 0.0, {"tile": tile, **storage.attrs}, scratch | chain)


def _pool_memory(pool: Node, tile: Ints, workers: int) -> dict[str, TensorType]:
    """What is pooled along the outer axes, not yet along the inner ones; and what an argmax needs."""
    order = pool.type.axes_in_memory
    axes = sorted(order.index(a) for a in pool.attrs["axes"])
    scratch = _argmax_memory(pool, tile, workers) if pool.attrs["kind"] == "argmax" else {}
    image = [pool.inputs[0].shape[a] for a in order]
    for k in range(len(axes) - 1):
        inner = (image[p] if p in axes[k + 1 :] else tile[p] for p in range(len(tile)))
        scratch[f"pooled{k}"] = TensorType((workers, *inner), pool.type.dtype)
    return scratch


def _argmax_memory(pool: Node, tile: Ints, workers: int) -> dict[str, TensorType]:
    """The largest elements, a code for each tap that equals them, and an index for where each window starts."""
    largest, taps = TensorType((workers, *tile), pool.type.dtype), math.prod(pool.attrs["size"])
    code = largest.with_dtype("u8" if taps < 256 else "i32")
    starts = tuple(pool.shape[a] if a in pool.attrs["axes"] else 1 for a in pool.type.axes_in_memory)
    found = {"largest": largest, "code": code, "equal": code, "starts": TensorType(starts, pool.type.dtype)}
    return found | ({"tap": largest, "line": largest} if len(pool.attrs["axes"]) > 1 else {})


def _pool_tile(shape: Ints, whole: set[int], reach: int, workers: int) -> Ints:
    """A block whose operands fit into the cache, the outer axes cut first, until everybody has one."""
    aim = max(1, 4 * BLOCK // reach)
    tile = list(shape)
    for k, n in enumerate(shape):
        size = math.prod(tile)
        enough = 2 * aim if k == len(shape) - 1 else aim  # rows are rather too many than short
        if k in whole or (size <= enough and blocks(shape, tuple(tile)) >= workers):
            continue
        count = max(-(-size // aim), min(workers, n))
        tile[k] = -(-n // min(count, n))
    return tuple(tile)


def plan_dot(kernel: Kernel, storage: Storage, workers: int) -> Plan:
    """Blocks of rows where there are many, else of columns."""
    dot = kernel.anchor
    assert dot is not None
    *lead, rows, columns = dot.shape
    depth = dot.inputs[0].shape[-1]
    tile = list(dot.shape)
    if 2 * math.prod(dot.shape) * depth > costs.PEAK * costs.DISPATCH * 2:
        if lead and lead[0] >= workers:
            tile[0] = 1
        elif rows >= 64 * workers or columns < 16 * workers:
            tile[-2] = -(-rows // workers)
        else:
            wide = -(-columns // (2 * workers))
            tile[-1] = min(columns, -(-wide // 16) * 16)
    block = tuple(tile)
    slots = chain_slots(kernel, copied=storage.copied)
    chain = chain_memory(kernel, slots, workers, dot.shape, block, home=storage.needs_home)
    return Plan(block, 0.0, {"tile": block, **storage.attrs}, chain)


def plan_random(kernel: Kernel, workers: int) -> Plan:
    """Blocks of random numbers, which are mixed four at a time: four words and a spare one of 64 bits each."""
    shape = kernel.nodes[-1].shape
    tile = region_tile(shape, set(), workers)
    fours = (math.prod(tile) + 6) // 4  # a block may begin and end within four
    scratch = {"words": TensorType((workers, 5, fours), "i64"), "numbers": TensorType((workers, fours, 4))}
    return Plan(tile, 0.0, {"tile": tile}, scratch)


def plan_scatter(kernel: Kernel) -> Plan | None:
    """Memory for the indices, made valid, where elements are added one by one."""
    node = kernel.nodes[-1]
    index = node.inputs[1].type
    if math.prod(node.shape) // node.attrs["size"] >= LONG_SLICE:
        return None
    return Plan(node.shape, scratch={"at": index.with_dtype("i64")})


def _tables(kernel: Kernel) -> dict[str, TensorType]:
    """0, 1, 2 ... for every iota of a region."""
    found = {}
    for node in kernel.nodes:
        if node.op.name == "iota":
            count = node.shape[node.attrs["axis"]]
            found[f"steps_{node.type.dtype}_{count}"] = TensorType((count,), node.type.dtype)
    return found
