"""Sums of products: what dots and convolutions share. A block of rows and columns a program, its depth in slices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tcaffe.codegen.triton.choices import matrix_block
from tcaffe.codegen.triton.function import Function, within
from tcaffe.codegen.triton.tiles import Key, Run, Strides, Tile
from tcaffe.codegen.triton.walk import Walk
from tcaffe.ir.node import Node

Axes = tuple[tuple[Key, int], ...]


@dataclass(frozen=True)
class Blocks:
    """The block of a program: which of the products that stand apart (items, groups), which rows, which columns."""

    apart: Run
    row: Run
    column: Run


def begin_blocks(f: Function, apart: Axes, rows: Axes, columns: Axes, names: tuple[str, str, str]) -> Blocks:
    """Write the lines that find a program's block; `names` are for its three parts."""
    counts = [math.prod(n for _, n in axes) for axes in (apart, rows, columns)]
    f.sizes["ROWS"], f.sizes["COLUMNS"], f.sizes["DEPTH"] = matrix_block(counts[1], counts[2])
    f.stages = 3
    blocks = (counts[0], -(-counts[1] // f.sizes["ROWS"]), -(-counts[2] // f.sizes["COLUMNS"]))
    f.programs = math.prod(blocks)
    numbers = ("0", "0", "0")
    if f.programs > 1:
        block = Run(f.let("block", "tl.program_id(0)"), tuple(zip(("apart", "rows", "columns"), blocks, strict=True)))
        numbers = (block.coordinate("apart"), block.coordinate("rows"), block.coordinate("columns"))
    item = f.let(names[0], numbers[0]) if counts[0] > 1 else "0"
    row = f.let(names[1], f"{_positions(numbers[1], 'ROWS')}[:, None]")
    column = f.let(names[2], f"{_positions(numbers[2], 'COLUMNS')}[None, :]")
    return Blocks(
        Run(item, apart, scalar=True),
        Run(row, rows, within(row, counts[1], f.sizes["ROWS"])),
        Run(column, columns, within(column, counts[2], f.sizes["COLUMNS"])),
    )


def _positions(block: str, size: str) -> str:
    """The numbers of the positions in a block, as source."""
    here = f"tl.arange(0, {size})"
    return here if block == "0" else f"({block} * {size} + {here})"


@contextmanager
def depth_steps(f: Function, count: int) -> Iterator[str]:
    """Write a loop of `count` steps around what is written inside; the name of the step's number."""
    step = f.fresh("step")
    with f.body.block(f"for {step} in range({count}):"):
        yield step


def depth_slice(f: Function, axes: Axes, step: str) -> tuple[Run, Run]:
    """Write the numbers of the positions of one slice of the depth: across a left operand, down a right one."""
    size, count = f.sizes["DEPTH"], math.prod(n for _, n in axes)
    k = f.let("k", f"{step} * DEPTH + tl.arange(0, DEPTH)")
    across, down = f.let("across", f"{k}[None, :]"), f.let("down", f"{k}[:, None]")
    return Run(across, axes, within(across, count, size)), Run(down, axes, within(down, count, size))


def begin_sum(f: Function, anchor: Node) -> str:
    """Write the zeros that products are added to; their name."""
    return f.let(anchor.name, "tl.full([ROWS, COLUMNS], 0.0, tl.float32)")


@dataclass(frozen=True)
class Operand:
    """A factor of a product: where the part of it begins that a program reads, and how it is addressed from there.

    `fixed` are the runs that stay the same in all steps through the depth.
    """

    value: Node
    begin: str
    fixed: tuple[Run, ...]
    strides: Strides

    def load(self, f: Function, steps: tuple[Run, ...], near: str = "") -> str:
        """Write the load of one step, zeros where nothing exists; its name."""
        inside = Tile((*self.fixed, *steps), near=near).inside
        if " & " in inside:
            inside = f.let("inside", inside)
        mask = f", mask={inside}, other=0.0" if inside else ""
        return f.let(self.value.name, f"tl.load({self.begin} + {Tile(steps).whole_offset(self.strides)}{mask})")


def operand(f: Function, value: Node, fixed: tuple[Run, ...], strides: Strides, base: int = 0) -> Operand:
    """Write where a program's part of an operand begins."""
    offset = Tile(fixed).whole_offset(strides, base)
    return Operand(value, f.let(f"{value.name}_begin", f"{f.pointers[value]} + {offset}"), fixed, strides)


def add_products(f: Function, total: str, a: str, b: str) -> None:
    """Write the line that adds the products of two blocks, in full precision."""
    f.body.line(f'{total} = tl.dot({a}, {b}, {total}, input_precision="ieee")')


def finish_products(f: Function, total: str, tile: Tile) -> None:
    """Write the pointwise work on the finished sum, and the stores."""
    anchor = f.kernel.anchor
    assert anchor is not None
    walk = Walk(f, tile, len(anchor.shape))
    walk.values[anchor] = total
    walk.finish()
