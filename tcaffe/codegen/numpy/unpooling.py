"""Gradients of pools: what a window got goes to all of its elements, or to the one it came from."""

from __future__ import annotations

import math

from tcaffe.codegen.numpy.blocks import Block, begin_tasks, subscript
from tcaffe.codegen.numpy.chain import Chain
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.pooling import average
from tcaffe.codegen.numpy.slides import Slide, slides
from tcaffe.ir.geometry import around_window
from tcaffe.ir.node import Node


def write_pool_gradient(f: Function) -> None:
    """Every element of g added to its whole window, one axis after the other, then the pointwise work on the sum."""
    node = f.kernel.anchor
    assert node is not None
    order = node.type.axes_in_memory
    block = begin_tasks(f, order, [node.shape[a] for a in order], f.kernel.attrs["tile"])
    chain = Chain(f, node, block)
    found = slides(node)
    source = _block_of(f, node.inputs[0], found, block)
    if node.attrs["kind"] == "average":
        share = _temporary(f, "share", block, {s.position for s in found})
        average(f, found, block, share, source)
        source = share
    for k, slide in enumerate(reversed(found)):
        rest = {s.position for s in found[: len(found) - 1 - k]}
        target = _temporary(f, f"spread{k}", block, {s.position for s in found}) if rest else chain.home
        _spread(f, slide, source, target)
        source = target
    chain.finish()


def _block_of(f: Function, value: Node, found: list[Slide], block: Block) -> str:
    """The block of a value that is smaller along the axes of the windows, of which a task has all."""
    pooled = {s.position for s in found}
    return f.laid_out(value, block.order) + subscript(
        [":" if k in pooled else a.where for k, a in enumerate(block.axes)]
    )


def _temporary(f: Function, what: str, block: Block, pooled: set[int]) -> str:
    """A block-sized temporary; its length along the pooled axes is its own."""
    name = f.fresh("t")
    lengths = [":" if k in pooled else a.trim for k, a in enumerate(block.axes)]
    f.body.line(f"{name} = {f.memory(what)}{subscript([f.worker, *lengths])}")
    return name


def _spread(f: Function, slide: Slide, source: str, target: str) -> None:
    """Write the sum, along one axis, of the windows that reach each element.

    The first taps up to the stride are never taps of the same element, so they are copied and not added.
    """
    before = [":"] * slide.position
    ranges = [(t, *slide.results(t)) for t in range(slide.size)]
    copied = sum(last - first for t, first, last in ranges if t < slide.stride)
    if copied < slide.count:
        f.body.line(f"{target}.fill(0)")
    for tap, first, last in ranges:
        if first == last:
            continue
        part = target + subscript([*before, slide.operands(tap, str(first), str(last))])
        given = source + subscript([*before, f"{first}:{last}" if (first, last) != (0, slide.out) else ":"])
        f.body.line(f"np.copyto({part}, {given})" if tap < slide.stride else f"np.add({part}, {given}, out={part})")


def write_unpool(f: Function) -> None:
    """Every element of g added to the element its index names, then the pointwise work on the sum.

    A task has whole windows and all that lies inside them in memory, so that its elements are numbered by one run.
    """
    node = f.kernel.anchor
    assert node is not None
    order = node.type.axes_in_memory
    block = begin_tasks(f, order, [node.shape[a] for a in order], f.kernel.attrs["tile"])
    chain, found = Chain(f, node, block), slides(node)
    g, index = (_block_of(f, i, found, block) for i in node.inputs)
    pooled = {s.position for s in found}
    at = _temporary(f, "at", block, pooled)
    f.body.line(f'np.copyto({at}, {index}, casting="unsafe")')
    _add_offsets(f, node, block, at)
    if f.has("dense"):
        dense = _temporary(f, "dense", block, pooled)
        f.body.line(f"np.copyto({dense}, {g})")
        g = dense
    f.body.line(f"{chain.home}.fill(0)")
    f.body.line(f"np.add.at({chain.home}.reshape(-1), {at}.reshape(-1), {g}.reshape(-1))")
    chain.finish()


def _add_offsets(f: Function, node: Node, block: Block, at: str) -> None:
    """Write what turns an index within the pooled axes into one within the block, all of it one run."""
    _, count, inner = around_window(node)
    windows = math.prod(node.inputs[0].shape[a] for a in node.attrs["axes"])
    table, rows = f.memory("offsets"), f.memory_type("offsets").shape[0]
    if inner > 1:
        f.body.line(f"np.multiply({at}, {inner}, out={at})")
    if rows == inner == 1:
        return
    f.start.line(f"{table}.fill(0)")
    if rows > 1:
        f.start.lines(f"{table}[1:, 0, 0] = {count * inner}", f"np.add.accumulate({table}, axis=0, out={table})")
    if inner > 1:
        f.start.lines(f"{table}[:, 0, 1:] = 1", f"np.add.accumulate({table}, axis=2, out={table})")
    length = "" if all(a.even for a in block.axes) else f"[:{at}.size // {inner * windows}]"
    by_run = f.fresh("runs")
    f.body.line(f"{by_run} = {at}.reshape(-1, {windows}, {inner})")
    f.body.line(f"np.add({by_run}, {table}{length}, out={by_run})")
