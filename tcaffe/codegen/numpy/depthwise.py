"""Depthwise convolutions: rows of the image, all columns and channels in one run, times rows of weights."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.codegen.numpy.blocks import Block, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.images import inner_rows, rows_behind, zero_rows
from tcaffe.codegen.numpy.matrix import image, weights
from tcaffe.ir.geometry import Geometry


@dataclass(frozen=True)
class Phase:
    """The columns j, j + stride ... of the padded image: number `first` to `last` of them hold image columns."""

    number: int
    first: int
    last: int
    source: int


def write_depthwise(f: Function, geo: Geometry, block: Block, out: str) -> None:
    """One sum of products for every phase of the columns: what is side by side in a phase is side by side in windows.

    The weights are repeated for every column, so that a whole row of the result is one run of multiplications.
    """
    stride, run = geo.stride[1], geo.out[1] * geo.channels
    pad, worker, rows = f.memory("pad"), f.worker, block.axes[1]
    _load(f, geo, block)
    height, columns = f.memory_type("pad").shape[2], f.memory_type("pad").shape[3]
    view = f"{pad}.reshape(pool.workers, {stride}, {height}, {columns * geo.channels})"
    view = f"np.lib.stride_tricks.sliding_window_view({view}, ({geo.extent[0]}, {run}), (2, 3))"
    steps = [":", ":", _step(geo.stride[0]), _step(geo.channels * geo.dilation[1]), _step(geo.dilation[0])]
    windows = f.alias(view + subscript(steps), "windows")
    result = f"{out}.reshape({rows.length}, {run})"
    for phase in range(min(stride, geo.kernel[1])):
        taps = -(-(geo.kernel[1] - phase) // stride)
        w = weights(f) + (subscript([":", f"{phase}::{stride}"]) if stride > 1 else "")
        operand = windows + subscript([worker, str(phase), rows.trim, f":{taps}"])
        if phase == 0:
            f.body.line(f'np.einsum("rbax,abx->rx", {operand}, {w}, out={result})')
            continue
        part = f.fresh("part")
        f.body.line(f"{part} = {f.memory('phase')}{subscript([worker, rows.trim])}")
        f.body.line(f'np.einsum("rbax,abx->rx", {operand}, {w}, out={part})')
        f.body.line(f"np.add({result}, {part}, out={result})")


def _step(n: int) -> str:
    return f"::{n}" if n > 1 else ":"


def _phases(geo: Geometry) -> list[Phase]:
    stride, pad = geo.stride[1], geo.pad[1]
    found = []
    for j in range(stride):
        first = max(0, -(-(pad - j) // stride))
        source = first * stride + j - pad
        there = -(-(geo.padded[1] - j) // stride)
        last = min(there, first + max(0, -(-(geo.image[1] - source) // stride)))
        found.append(Phase(j, first, max(first, last), source))
    return found


def _load(f: Function, geo: Geometry, block: Block) -> None:
    """Write the copy of the block's rows, their columns sorted by phase, zeros around them."""
    pad, stride = f.memory("pad"), geo.stride[1]
    rows = rows_behind(f, geo, block.axes[1])
    columns = f.memory_type("pad").shape[3]
    height = inner_rows(geo, block.axes[1], rows)
    zero_rows(f, geo, block.axes[1], rows, [f.worker, ":"], [":", ":"])
    x = image(f, block.order)
    for phase in _phases(geo):
        for gap in (f":{phase.first}" if phase.first else "", f"{phase.last}:" if phase.last < columns else ""):
            if gap:
                f.start.line(f"{pad}{subscript([':', str(phase.number), ':', gap])} = 0")
        count = phase.last - phase.first
        stop = phase.source + (count - 1) * stride + 1
        source = [block.axes[0].where, f"{rows.first}:{rows.last}", _span(phase.source, stop, stride)]
        target = [f.worker, f"{phase.number}:{phase.number + 1}", height, f"{phase.first}:{phase.last}"]
        f.body.line(f"np.copyto({pad}{subscript(target)}, {x}{subscript(source)})")


def _span(start: int, stop: int, stride: int) -> str:
    return f"{start}:{stop}" + (f":{stride}" if stride > 1 else "")
