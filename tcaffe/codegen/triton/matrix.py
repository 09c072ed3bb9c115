"""Dots: matrix products."""

from __future__ import annotations

from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.products import (
    add_products,
    begin_blocks,
    begin_sum,
    depth_slice,
    depth_steps,
    finish_products,
    operand,
)
from tcaffe.codegen.triton.tiles import Tile
from tcaffe.ir.node import Node


def write_dot(f: Function) -> None:
    """The product of rows of x and columns of y, for every index before them, then the pointwise work on it."""
    dot = f.kernel.anchor
    assert dot is not None
    x, y = dot.inputs
    *lead, row, column = enumerate(dot.shape)
    depth = x.shape[-1]
    blocks = begin_blocks(f, tuple(lead), (row,), (column,), ("item", "row", "column"))
    left = operand(f, x, (blocks.apart, blocks.row), _strides(f, x, row[0], "k"))
    right = operand(f, y, (blocks.apart, blocks.column), _strides(f, y, "k", column[0]))
    total = begin_sum(f, dot)
    with depth_steps(f, -(-depth // f.sizes["DEPTH"]), blocks) as step:
        across, down = depth_slice(f, (("k", depth),), step)
        add_products(f, total, left.load(f, (across,)), right.load(f, (down,)))
    finish_products(f, total, Tile((blocks.apart, blocks.row, blocks.column), ("ROWS", "COLUMNS")), blocks)


def _strides(f: Function, value: Node, row: int | str, column: int | str) -> dict[int | str, int]:
    """The strides of an operand, its last two axes under these keys."""
    keys = [*range(len(value.shape) - 2), row, column]
    return dict(zip(keys, f.strides(value), strict=True))
