"""Pools that tell where the largest element is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from contextlib import ExitStack

from tcaffe.codegen.numpy.blocks import Axis, Block, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.slides import Slide


def argmax_block(f: Function, found: Sequence[Slide], block: Block, source: str, largest: str, out: str) -> None:
    """Write the index of the first element of every window that equals the `largest` of the window.

    Every tap has a code, the first one the highest: the highest code among the equal ones is that of the first, and
    small integers are compared at many times the speed at which floats are chosen by a mask. The indices are row-major
    over the pooled axes of the whole operand; `source` is all of it along these, the block a part of the results.
    """
    code, equal = f.fresh("code"), f.fresh("equal")
    lengths = subscript([f.worker, *(a.trim for a in block.axes)])
    f.body.lines(f"{code} = {f.memory('code')}{lengths}", f"{equal} = {f.memory('equal')}{lengths}")
    f.body.line(f"{code}.fill(0)")
    count = math.prod(s.size for s in found)
    for number, taps in enumerate(itertools.product(*(range(s.size) for s in found))):
        if not all(t in (*s.full, *s.partial) for s, t in zip(found, taps, strict=True)):
            continue
        here, there = [":"] * len(block.axes), [":"] * len(block.axes)
        with ExitStack() as conditions:
            for slide, tap in zip(found, taps, strict=True):
                axis = block.axes[slide.position]
                here[slide.position], there[slide.position] = _ranges(f, slide, tap, axis, conditions)
            cut = subscript(here)
            f.body.lines(
                f"np.equal({source}{subscript(there)}, {largest}{cut}, out={equal}{cut})",
                f"np.multiply({equal}{cut}, {count - number}, out={equal}{cut})",
                f"np.maximum({code}{cut}, {equal}{cut}, out={code}{cut})",
            )
    f.body.line(f"np.maximum({code}, 1, out={code})")  # nothing equals a not-a-number
    _decode(f, found, block, code, out)


def _ranges(f: Function, slide: Slide, tap: int, axis: Axis, conditions: ExitStack) -> tuple[str, str]:
    """The windows of the block of which a tap exists, and these taps; where there may be none, under a condition."""
    first, last = slide.results(tap)
    if axis.whole:
        return ":" if (first, last) == (0, slide.out) else f"{first}:{last}", slide.operands(tap, str(first), str(last))
    if (first, last) == (0, slide.out):
        return ":", slide.operands(tap, axis.start, axis.stop)
    start, stop = f.fresh("first"), f.fresh("last")
    f.body.line(f"{start}, {stop} = max({axis.start}, {first}), min({axis.stop}, {last})")
    conditions.enter_context(f.body.block(f"if {start} < {stop}:"))
    return f"{start} - {axis.start}:{stop} - {axis.start}", slide.operands(tap, start, stop)


def _decode(f: Function, found: Sequence[Slide], block: Block, code: str, out: str) -> None:
    """Write an index for every code: of the tap within the window, within the image, then from where the window is.

    A tap is numbered by the window's sizes; whenever it steps along an outer axis, its index goes on by the image's.
    """
    count = math.prod(s.size for s in found)
    f.body.lines(f"np.copyto({out}, {code})", f"np.subtract({float(count)}, {out}, out={out})")
    if len(found) > 1:
        tap, line = f.fresh("tap"), f.fresh("line")
        lengths = subscript([f.worker, *(a.trim for a in block.axes)])
        f.body.lines(f"{tap} = {f.memory('tap')}{lengths}", f"{line} = {f.memory('line')}{lengths}")
        f.body.line(f"np.copyto({tap}, {out})")
        for inner, step in _steps(found):
            f.body.lines(
                f"np.divide({tap}, {float(inner)}, out={line})",
                f"np.floor({line}, out={line})",
                f"np.multiply({line}, {float(step)}, out={line})",
                f"np.add({out}, {line}, out={out})",
            )
    pooled = {s.position for s in found}
    here = subscript([a.where if k in pooled else ":" for k, a in enumerate(block.axes)])
    f.body.line(f"np.add({out}, {_starts(f, found)}{here}, out={out})")
    if any(s.low >= s.size or (s.out - 1) * s.stride - s.low + s.size > s.count for s in found):
        last = math.prod(s.count for s in found) - 1
        f.body.line(f"np.minimum(np.maximum({out}, 0.0, out={out}), {float(last)}, out={out})")


def _steps(found: Sequence[Slide]) -> list[tuple[int, int]]:
    """For each axis but the last: taps from one position along it to the next, and what the index gains besides."""
    steps: list[tuple[int, int]] = []
    inner, image = 1, 1
    for slide in reversed(found[1:]):
        inner, image = inner * slide.size, image * slide.count
        steps.append((inner, image - inner - sum(gain * (inner // small) for small, gain in steps)))
    return steps


def _starts(f: Function, found: Sequence[Slide]) -> str:
    """The index at which each window starts: a table, made once a run."""
    table, inner = f.memory("starts"), math.prod(s.count for s in found)
    f.start.line(f"{table}.fill(0)")
    offset = 0
    for slide in found:
        inner //= slide.count
        offset += slide.low * inner
        if slide.out > 1:
            later = {s.position for s in found if s.position > slide.position}
            at = ["0" if k in later else ":" for k in range(max(later, default=slide.position) + 1)]
            at[slide.position] = "1:"
            f.start.line(f"{table}{subscript(at)} = {slide.stride * inner}")
            f.start.line(f"np.add.accumulate({table}, axis={slide.position}, out={table})")
    if offset:
        f.start.line(f"np.subtract({table}, {offset}, out={table})")
    return table
