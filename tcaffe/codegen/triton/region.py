"""Regions: pointwise work, reductions and windows over one shape."""

from __future__ import annotations

import math

from tcaffe.codegen.triton.choices import flat_block, row_block
from tcaffe.codegen.triton.function import Function, flat_tile
from tcaffe.codegen.triton.tiles import Run, Tile
from tcaffe.codegen.triton.walk import Walk
from tcaffe.ir.program import Kernel
from tcaffe.ir.slots import FREE, domain


def write_flat(f: Function) -> None:
    """Every position of the result on its own, in the order in which they lie in memory."""
    kind = next(n for n in reversed(f.kernel.nodes) if n.op.name not in FREE or n in f.kernel.outputs).type
    order = tuple(range(kind.rank)) if f.kernel.nodes[-1].op.name == "reshape" else kind.axes_in_memory
    block, f.warps = flat_block(kind.size, f.grain)
    tile = flat_tile(f, [(a, kind.shape[a]) for a in order], block)
    Walk(f, tile, kind.rank).finish()


def write_rows(f: Function) -> None:
    """A block of rows, each with all the elements that are reduced together or seen by one window."""
    kind, whole = domain(f.kernel.nodes), whole_axes(f.kernel)
    kept = [a for a in kind.axes_in_memory if a not in whole]
    rows, columns = (math.prod(kind.shape[a] for a in axes) for axes in (kept, whole))
    f.sizes["ROWS"], f.sizes["COLUMNS"], f.warps = row_block(rows, columns, f.grain)
    f.programs = -(-rows // f.sizes["ROWS"])
    row = f.let("row", "(tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]")
    column = f.let("column", "tl.arange(0, COLUMNS)[None, :]")
    within_rows = Run(row, tuple((a, kind.shape[a]) for a in kept), f"{row} < {rows}")
    across = tuple((a, kind.shape[a]) for a in kind.axes_in_memory if a in whole)
    tile = Tile((within_rows, Run(column, across, f"{column} < {columns}")), ("ROWS", "COLUMNS"))
    Walk(f, tile, kind.rank, sorted(kept)).finish()


def whole_axes(kernel: Kernel) -> tuple[int, ...]:
    """The axes along which a program needs all elements: those of reductions, and of windows that keep the shape."""
    return next((n.attrs["axes"] for n in kernel.nodes if n.op.family in ("reduce", "window")), ())
