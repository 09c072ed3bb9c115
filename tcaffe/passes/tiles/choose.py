"""The pass: blocks for every product, scratch memory for sums cut in parts, filters in the order they are read in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tcaffe.ir import ops
from tcaffe.ir.geometry import geometry
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program, Scratch
from tcaffe.ir.target import INTERPRETER, Target
from tcaffe.ir.types import TensorType
from tcaffe.passes.packing import Form, Packing
from tcaffe.passes.static import Parameters
from tcaffe.passes.tiles.chips import chip_of
from tcaffe.passes.tiles.product import Product, product_of
from tcaffe.passes.tiles.rows import may_be_parted, rows_of, rows_scratch
from tcaffe.passes.tiles.tile import Cut, Tile, best_cut

CHANNELS_LAST = Form("last", lambda w: ops.transpose(w, order=(0, *range(2, len(w.shape)), 1)))
"""Filters by taps by channels: what a slice of the depth reads lies together."""
LARGEST = (1024, 256, 256)
"""Rows, columns and depth of a block in the interpreter."""
GRAIN = 64
"""How many times as much as on a GPU a program does in the interpreter, which takes its time for each."""
LEAST = 16  # of each that a dot takes


def choose_tiles(program: Program, *, target: Target, parameters: Parameters = "fixed") -> Program:
    """Every product with its blocks, its warps, and into how many parts its sums are cut, by a model of the chip."""
    packing = Packing(program.prepare, parameters)
    kernels = tuple(made for kernel in program.kernels for made in _tiled(kernel, target, packing))
    return replace(program.with_kernels(kernels), prepare=packing.prepare(kernels))


def _tiled(kernel: Kernel, target: Target, packing: Packing) -> Iterator[Kernel]:
    """The kernel as it is to be computed, behind the kernels that pack what it reads."""
    if target.architecture == INTERPRETER:
        kernel = replace(kernel, attrs={**kernel.attrs, "grain": GRAIN})
    anchor = kernel.anchor
    if anchor is not None and anchor.op.family == "reduce":
        kernel = _in_pieces(kernel, target)
    if anchor is None or anchor.op.family != "contract":
        yield kernel
        return
    forms: dict[Node, Node] = {}
    if anchor.op in (ops.conv, ops.conv_dx) and _scattered(anchor.inputs[1]):
        packed, packers = packing.packed(anchor.inputs[1], CHANNELS_LAST)
        forms[anchor.inputs[1]] = packed
        yield from packers
    if is_single(anchor) and anchor.op is not ops.conv_dw:
        yield replace(kernel, packing=forms)
        return
    attrs: dict[str, Any] = dict(kernel.attrs)
    precision = "half" if anchor.inputs[0].type.itemsize == 2 else attrs.setdefault("precision", "tf32x3")
    cut = _interpreted(product_of(anchor)) if target.architecture == INTERPRETER else _best(anchor, target, precision)
    tile = cut.tile
    attrs |= {"tile": (tile.rows, tile.columns, tile.depth), "warps": tile.warps, "stages": tile.stages}
    scratch = kernel.scratch
    if cut.parts > 1:
        attrs["parts"] = cut.parts
        scratch = (*scratch, parts_scratch(kernel, cut.parts))
    yield replace(kernel, attrs=attrs, packing=forms, scratch=scratch)


def _in_pieces(kernel: Kernel, target: Target) -> Kernel:
    """A reduction with the pieces that its rows are cut into, if they are long."""
    rows = rows_of(kernel)
    if not rows.long:
        return kernel
    attrs = {**kernel.attrs, "piece": rows.piece(kernel.attrs.get("grain", 1))}
    parts = rows.parts(chip_of(target.architecture).processors) if may_be_parted(kernel) else 1
    if parts == 1 or target.architecture == INTERPRETER:
        return replace(kernel, attrs=attrs)
    return replace(
        kernel, attrs={**attrs, "parts": parts}, scratch=(*kernel.scratch, *rows_scratch(kernel, parts))
    )


def parts_scratch(kernel: Kernel, parts: int) -> Scratch:
    """Where the parts of the sums of a kernel's anchor wait to be added: each laid like the result."""
    anchor = kernel.anchor
    assert anchor is not None
    order = (0, *(1 + a for a in anchor.type.axes_in_memory))
    return Scratch(f"{kernel.name}.parts", TensorType((parts, *anchor.shape)).with_order(order))


def is_single(anchor: Node) -> bool:
    """Whether a contraction's filters see one channel each: it is no matrix product."""
    return anchor.op is not ops.dot and geometry(anchor).single


def _scattered(w: Node) -> bool:
    """Whether the channels of filters lie apart."""
    return w.shape[1] > 1 and w.type.size > w.shape[0] * w.shape[1]


def _best(anchor: Node, target: Target, precision: str) -> Cut:
    cut = best_cut(product_of(anchor), chip_of(target.architecture), precision)
    if not is_single(anchor):
        return cut
    return replace(cut, tile=replace(cut.tile, rows=1, columns=64, depth=32, warps=4, stages=1))


def _interpreted(product: Product) -> Cut:
    """Few, large blocks."""
    counts = (product.rows, product.columns, product.depth)
    rows, columns, depth = (
        max(LEAST, min(1 << max(n - 1, 0).bit_length(), most)) for n, most in zip(counts, LARGEST, strict=True)
    )
    return Cut(Tile(rows, columns, depth, 4, 1, 1.0), 1, 0.0)
