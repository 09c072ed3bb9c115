"""Gradients of pools: what a window got goes to all of its elements, or to the one it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tcaffe.codegen.numpy.blocks import Axis, Block, affine, begin_tasks, subscript
from tcaffe.codegen.numpy.chain import Chain
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.pooling import average
from tcaffe.codegen.numpy.slides import Slide, slides
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
    """Every element of g added to the element of its window that its tap names, then the pointwise work on the sum.

    A block of rows, or one that windows do not touch, is summed with whole windows around it.
    """
    node = f.kernel.anchor
    assert node is not None
    order, found = node.type.axes_in_memory, slides(node)
    block = begin_tasks(f, order, [node.shape[a] for a in order], f.kernel.attrs["tile"])
    if f.has("total"):
        total = f.memory("total")
        f.body.line(f"{total}[{f.worker}].fill(0)")
        flat = f.alias(f"{total}.reshape(pool.workers, -1)", "flat")
        _add_windows(f, found, block, f"{flat}[{f.worker}]")
        chain = Chain(f, node, block, home=total + subscript([f.worker, *_inside(found, block)]))
    else:
        chain, flat = Chain(f, node, block), f.fresh("flat")
        f.body.lines(f"{chain.home}.fill(0)", f"{flat} = {chain.home}.reshape(-1)")
        _add_windows(f, found, block, flat)
    chain.finish()


def _add_windows(f: Function, found: list[Slide], block: Block, flat: str) -> None:
    """Write the sum, in `flat`, of all windows that reach into a block: some rows at a time.

    Tables tell where taps lie from where their window begins, and windows from where the first of these rows does.
    """
    shape = f.memory_type("total").shape[1:] if f.has("total") else f.kernel.attrs["tile"]
    strides, steps = [math.prod(shape[k + 1 :]) for k in range(len(shape))], {s.position: s.stride for s in found}
    _table(f, "taps", [strides[s.position] for s in found])
    _table(f, "windows", [n * steps.get(k, 1) for k, n in enumerate(strides)])
    slide, rows = found[0], f.memory_type("windows").shape[found[0].position]
    length, axis = strides[slide.position], block.axes[slide.position]
    before = 0 if f.has("total") else sum(s.low * strides[s.position] for s in found)
    if axis.whole and rows == slide.out:
        _add_rows(f, found, block, (":", ":"), (str(-before), flat))
        return
    first, last, above = _windows_reaching(f, slide, axis)
    row, stop = f.fresh("row"), f.fresh("stop")
    with f.body.block(f"for {row} in range({first}, {last}, {rows}):"):
        f.body.line(f"{stop} = min({row} + {rows}, {last})")
        start = affine(slide.stride * length, row, -before) + (f" - {above} * {length}" if above else "")
        _add_rows(f, found, block, (f"{row}:{stop}", f":{stop} - {row}"), (start, flat))


def _windows_reaching(f: Function, slide: Slide, rows: Axis) -> tuple[str, str, str]:
    """The first and the last of the windows that reach into a block, and which row is the first one of its sum."""
    if rows.whole:
        return "0", str(slide.out), ""
    first, last, above = f.fresh("first"), f.fresh("last"), f.fresh("above")
    size, stride, low = slide.size, slide.stride, slide.low
    f.body.lines(
        f"{first} = max(0, ({affine(1, rows.start, low - size + stride)}) // {stride})",
        f"{last} = min({slide.out}, ({affine(1, rows.stop, low - 1 + stride)}) // {stride})",
        f"{above} = {affine(1, rows.start, low - size + 1)}",
    )
    return first, last, above


def _add_rows(f: Function, found: list[Slide], block: Block, rows: tuple[str, str], into: tuple[str, str]) -> None:
    """Write the sum of some windows: `rows` says which ones, and how many, `into` from where on they lie in what."""
    node = f.kernel.anchor
    assert node is not None
    pooled = {s.position for s in found}
    there = [":" if k in pooled else a.where for k, a in enumerate(block.axes)]
    here = [":" if k in pooled else a.trim for k, a in enumerate(block.axes)]
    there[found[0].position], here[found[0].position] = rows
    g, tap = (f.laid_out(i, block.order) + subscript(there) for i in node.inputs)
    number, at, moved = f.fresh("tap"), f.fresh("at"), f"{f.memory('moved')}[{f.worker}]"
    f.body.lines(
        f"{number} = {f.memory('tap')}{subscript([f.worker, *here])}",
        f"{at} = {f.memory('at')}{subscript([f.worker, *here])}",
        f"np.copyto({number}, {tap})",
        f"np.add({f.memory('taps')}, {into[0]}, out={moved})",
        f'np.take({moved}, {number}, out={at}, mode="clip")',
        f"np.add({at}, {f.memory('windows')}{subscript(here)}, out={at})",
    )
    if f.has("dense"):
        dense = f.fresh("dense")
        f.body.line(f"{dense} = {f.memory('dense')}{subscript([f.worker, *here])}")
        f.body.line(f"np.copyto({dense}, {g})")
        g = dense
    f.body.line(f"np.add.at({into[1]}, {at}.reshape(-1), {g}.reshape(-1))")


def _table(f: Function, what: str, steps: Sequence[int]) -> None:
    """Write the table of where elements lie whose axes take each of the `steps`, once a run; the inner axes first."""
    table, shape = f.memory(what), f.memory_type(what).shape
    f.start.line(f"{table}.fill(0)")
    for k in reversed(range(len(shape))):
        if shape[k] > 1:
            part = table + subscript(["0"] * k)
            f.start.line(f"{table}{subscript(['0'] * k + ['1:'])} = {steps[k]}")
            f.start.line(f"np.add.accumulate({part}, axis=0, out={part})")


def _inside(found: list[Slide], block: Block) -> list[str]:
    """Where the block lies in its sum."""
    cuts = [a.trim for a in block.axes]
    for slide in found:
        axis, halo = block.axes[slide.position], slide.size - 1
        cuts[slide.position] = (
            f"{slide.low}:{slide.low + slide.count}" if axis.whole else f"{halo}:{halo} + {axis.length}"
        )
    return cuts
