"""Sums of products: what dots and convolutions share. A block of rows and columns a program, its depth in slices.

How large the blocks are, and into how many parts the depth is cut, is what the kernel's attributes say: `tile` (rows,
columns, depth), `parts`, `warps`, `stages`, `precision`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tcaffe.codegen.triton.choices import flat_block
from tcaffe.codegen.triton.function import Function, flat_tile, within
from tcaffe.codegen.triton.tiles import Key, Run, Strides, Tile, added, both
from tcaffe.codegen.triton.walk import Walk
from tcaffe.ir.node import Node

Axes = tuple[tuple[Key, int], ...]


@dataclass(frozen=True)
class Blocks:
    """The block of a program: which of the products that stand apart (items, groups), which rows, which columns.

    Where the depth is cut in parts, `part` is the number of the program's own.
    """

    apart: Run
    row: Run
    column: Run
    part: str = ""


def begin_blocks(f: Function, apart: Axes, rows: Axes, columns: Axes, names: tuple[str, str, str]) -> Blocks:
    """Write the lines that find a program's block; `names` are for its three parts."""
    counts = [math.prod(n for _, n in axes) for axes in (apart, rows, columns)]
    f.sizes["ROWS"], f.sizes["COLUMNS"], f.sizes["DEPTH"] = f.kernel.attrs["tile"]
    f.warps, f.stages = f.kernel.attrs["warps"], f.kernel.attrs["stages"]
    keys = ("part", "apart", "rows", "columns")
    across = (-(-counts[1] // f.sizes["ROWS"]), -(-counts[2] // f.sizes["COLUMNS"]))
    blocks = (parts_of(f), counts[0], *across)
    f.programs = math.prod(blocks)
    numbers = dict.fromkeys(keys, "0")
    if f.programs > 1:
        block = Run(f.let("block", "tl.program_id(0)"), tuple(zip(keys, blocks, strict=True)))
        numbers = {key: block.coordinate(key) for key in keys}
    part = f.let("part", numbers["part"]) if parts_of(f) > 1 else ""
    item = f.let(names[0], numbers["apart"]) if counts[0] > 1 else "0"
    row = f.let(names[1], f"{_positions(numbers['rows'], 'ROWS')}[:, None]")
    column = f.let(names[2], f"{_positions(numbers['columns'], 'COLUMNS')}[None, :]")
    return Blocks(
        Run(item, apart, scalar=True),
        Run(row, rows, within(row, counts[1], f.sizes["ROWS"])),
        Run(column, columns, within(column, counts[2], f.sizes["COLUMNS"])),
        part,
    )


def parts_of(f: Function) -> int:
    """Into how many parts the sums of a kernel are cut, each summed by programs of its own."""
    parts: int = f.kernel.attrs.get("parts", 1)
    return parts


def _positions(block: str, size: str) -> str:
    """The numbers of the positions in a block, as source."""
    here = f"tl.arange(0, {size})"
    return here if block == "0" else f"({block} * {size} + {here})"


@contextmanager
def depth_steps(f: Function, count: int, blocks: Blocks) -> Iterator[str]:
    """Write a loop of `count` steps, or of a part of them, around what is written inside; the name of its number."""
    steps = str(count)
    if blocks.part:
        share = -(-count // parts_of(f))
        first = f.let("first", f"{blocks.part} * {share}")
        steps = f"{first}, tl.minimum({first} + {share}, {count})"
    step = f.fresh("step")
    with f.body.block(f"for {step} in range({steps}):"):
        yield step


def depth_slice(f: Function, axes: Axes, step: str) -> tuple[Run, Run]:
    """Write the numbers of the positions of one slice of the depth: across a left operand, down a right one."""
    size, count = f.sizes["DEPTH"], math.prod(n for _, n in axes)
    k = f.let("k", added([f"{step} * DEPTH" if step != "0" else "0", "tl.arange(0, DEPTH)"], 0))
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

    def load(self, f: Function, steps: tuple[Run, ...], near: str = "", moved: Mapping[Key, str] | None = None) -> str:
        """Write the load of one step, zeros where nothing exists; its name. `moved` are axes held by variables."""
        inside = Tile((*self.fixed, *steps), near=near).inside
        if " & " in inside:
            inside = f.let("inside", inside)
        mask = f", mask={inside}, other=0.0" if inside else ""
        offset = Tile(steps, moved=moved or {}).whole_offset(self.strides)
        return f.let(self.value.name, f"tl.load({self.begin}{f' + {offset}' if offset != '0' else ''}{mask})")


def operand(
    f: Function, value: Node, fixed: tuple[Run, ...], strides: Strides, base: int = 0, more: Sequence[str] = ()
) -> Operand:
    """Write where a program's part of an operand begins: `base` elements, and `more` numbers of them, further on."""
    offset = added([*(m for m in more if m != "0"), Tile(fixed).whole_offset(strides)], base)
    return Operand(value, f.let(f"{value.name}_begin", f"{f.pointers[value]} + {offset}"), fixed, strides)


def add_products(f: Function, total: str, a: str, b: str) -> None:
    """Write the line that adds the products of two blocks."""
    f.body.line(f'{total} = tl.dot({a}, {b}, {total}, input_precision="{f.kernel.attrs["precision"]}")')


def finish_products(f: Function, total: str, tile: Tile, blocks: Blocks) -> None:
    """Write the pointwise work on the finished sum, and the stores; those of a part go to scratch memory."""
    anchor = f.kernel.anchor
    assert anchor is not None
    if blocks.part:
        finish_part(f, total, tile, blocks.part)
        return
    walk = Walk(f, tile, len(anchor.shape))
    walk.values[anchor] = total
    walk.finish()


def finish_part(f: Function, total: str, tile: Tile, part: str) -> None:
    """Write the store of a part of the sums, and the function that adds all parts in order and finishes the work."""
    anchor = f.kernel.anchor
    assert anchor is not None
    scratch = f.scratch("parts")
    size = anchor.type.size
    strides: dict[Key, int] = dict(enumerate(s // 4 for s in scratch.type.strides[1:]))
    mask = f", mask={tile.inside}" if tile.inside else ""
    f.body.line(f"tl.store({f.pointers[scratch]} + {part} * {size} + {tile.whole_offset(strides)}, {total}{mask})")
    g = f.then("sum")
    block, g.warps = flat_block(size, f.grain)
    whole = flat_tile(g, [(a, anchor.shape[a]) for a in anchor.type.axes_in_memory], block)
    place, inside = f"{g.pointers[scratch]} + {whole.runs[0].name}", whole.inside
    mask = f", mask={inside}" if inside else ""
    found = g.let(anchor.name, f"tl.load({place}{mask})")
    with g.body.block(f"for part in range(1, {parts_of(f)}):"):
        g.body.line(f"{found} += tl.load({place} + part * {size}{mask})")
    walk = Walk(g, whole, len(anchor.shape))
    walk.values[anchor] = found
    walk.finish()


@dataclass(frozen=True)
class Depth:
    """How taps and channels are cut in slices: `taps` and `channels` numbered together, or `slices` for each tap.

    Where the channels fill a slice a step has a single tap: then all lanes of a load share one offset.
    """

    taps: Axes
    channels: tuple[Key, int]
    block: int
    slices: int = field(init=False)

    def __post_init__(self) -> None:
        alone = math.prod(n for _, n in self.taps) > 1 and self.channels[1] >= self.block
        object.__setattr__(self, "slices", -(-self.channels[1] // self.block) if alone else 0)

    @property
    def steps(self) -> int:
        """How many steps lead through the whole depth."""
        taps = math.prod(n for _, n in self.taps)
        return taps * self.slices if self.slices else -(-taps * self.channels[1] // self.block)

    def runs(self, f: Function, step: str) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
        """Write the numbers of one slice: across the left operand, down the right one."""
        if not self.slices:
            across, down = depth_slice(f, (*self.taps, self.channels), step)
            return (across,), (down,)
        part = Run(step, (("tap", self.steps // self.slices), ("slice", self.slices)), scalar=True)
        tap = Run(f.let("tap", part.coordinate("tap")), self.taps, scalar=True)
        across, down = depth_slice(f, (self.channels,), part.coordinate("slice"))
        return (tap, across), (tap, down)


def nearby(f: Function, hint: str, conditions: list[str]) -> str:
    """Write the name of a condition that several lines use; empty where there is none."""
    inside = both(*conditions)
    return f.let(hint, inside) if inside else ""
