"""Long reductions: rows that no program holds at once are gone through in pieces, once for each reduction in a chain.

What a softmax needs twice is computed twice rather than stored. The kernel's attributes say how large a `piece` is, and
into how many `parts` rows are cut where there are too few of them to keep a GPU busy: the results of parts wait in
scratch memory for a function that joins them in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tcaffe.codegen.triton.choices import flat_block
from tcaffe.codegen.triton.function import Function, flat_tile
from tcaffe.codegen.triton.products import parts_of
from tcaffe.codegen.triton.spelling import COMBINATIONS, DTYPES, REDUCTIONS
from tcaffe.codegen.triton.tiles import Run, Tile
from tcaffe.codegen.triton.walk import Walk
from tcaffe.ir.node import Node
from tcaffe.ir.slots import domain, reduced_axes


def write_long_rows(f: Function) -> None:
    """Reductions over rows of any length, and the pointwise work around them."""
    rows = Rows.begin(f)
    known: dict[Node, str] = {}
    for level in levels(f):
        known |= _reduced(rows, level, known)
    if parts_of(f) > 1:
        _store_parts(rows, known)
        known = {}
    whole = [v for v in f.kernel.outputs if rows.is_whole(v)]
    if whole:
        with rows.pieces() as tile:
            _walk(rows, tile, known).finish(whole)
    if parts_of(f) == 1 and len(whole) < len(f.kernel.outputs):
        _walk(rows, rows.tile, known).finish([v for v in f.kernel.outputs if v not in whole])


@dataclass
class Rows:
    """The rows of a program, and the pieces it goes through them in."""

    f: Function
    kept: tuple[int, ...]
    tile: Tile
    across: tuple[tuple[int | str, int], ...]
    part: str

    @classmethod
    def begin(cls, f: Function) -> Rows:
        """Write the lines that find a program's rows."""
        kind, axes = domain(f.kernel.nodes), reduced_axes(f.kernel.nodes)
        kept = [a for a in kind.axes_in_memory if a not in axes]
        across = tuple((a, kind.shape[a]) for a in kind.axes_in_memory if a in axes)
        rows = math.prod(kind.shape[a] for a in kept)
        f.sizes["ROWS"], f.sizes["COLUMNS"] = f.kernel.attrs["piece"]
        blocks = -(-rows // f.sizes["ROWS"])
        f.programs = blocks * parts_of(f)
        part = f.let("part", f"tl.program_id(0) // {blocks}") if parts_of(f) > 1 else ""
        block = f"tl.program_id(0) % {blocks}" if part else "tl.program_id(0)"
        row = f.let("row", f"({block} * ROWS + tl.arange(0, ROWS))[:, None]")
        run = Run(row, tuple((a, kind.shape[a]) for a in kept), f"{row} < {rows}")
        return cls(f, tuple(sorted(kept)), Tile((run,), ("ROWS", "1")), across, part)

    def is_whole(self, value: Node) -> bool:
        """Whether a value has the full shape."""
        return len(value.shape) == len(self.kept) + len(self.across)

    @contextmanager
    def pieces(self) -> Iterator[Tile]:
        """Write a loop over the pieces of the rows around what is written inside, and give the tile of one."""
        f, count = self.f, math.prod(n for _, n in self.across)
        total = -(-count // f.sizes["COLUMNS"])
        steps = str(total)
        if self.part:
            share = -(-total // parts_of(f))
            steps = f"{self.part} * {share}, tl.minimum({self.part} * {share} + {share}, {total})"
        piece = f.fresh("piece")
        with f.body.block(f"for {piece} in range({steps}):"):
            column = f.let("column", f"({piece} * COLUMNS + tl.arange(0, COLUMNS))[None, :]")
            run = Run(column, self.across, f"{column} < {count}")
            yield Tile((*self.tile.runs, run), ("ROWS", "COLUMNS"))


def levels(f: Function) -> list[list[Node]]:
    """The kernel's reductions, those first that need no other one."""
    depth: dict[Node, int] = {}
    found: list[list[Node]] = []
    for node in f.kernel.nodes:
        before = max((depth.get(i, 0) for i in node.inputs), default=0)
        if node.op.family == "reduce":
            found.extend([] for _ in range(before + 1 - len(found)))
            found[before].append(node)
            before += 1
        depth[node] = before
    return found


def _walk(rows: Rows, tile: Tile, known: dict[Node, str]) -> Walk:
    walk = Walk(rows.f, tile, len(rows.kept) + len(rows.across), rows.kept)
    walk.values |= known
    return walk


def _reduced(rows: Rows, level: list[Node], known: dict[Node, str]) -> dict[Node, str]:
    """Write the loop that all reductions of a level share; their results."""
    f = rows.f
    totals: dict[Node, str] = {}
    for node in level:
        _, neutral = REDUCTIONS[node.op.name]
        totals[node] = f.let(f"{node.name}_pieces", f"tl.full([ROWS, COLUMNS], {neutral}, {DTYPES[node.type.dtype]})")
    with rows.pieces() as tile:
        walk = _walk(rows, tile, known)
        walk.run([node.inputs[0] for node in level])
        for node, total in totals.items():
            _, neutral = REDUCTIONS[node.op.name]
            value = f"tl.where({tile.inside}, {walk.operand(node.inputs[0])}, {neutral})"
            f.body.line(f"{total} = {COMBINATIONS[node.op.name].format(total, value)}")
    return {node: f.let(node.name, REDUCTIONS[node.op.name][0].format(total)) for node, total in totals.items()}


def _store_parts(rows: Rows, known: dict[Node, str]) -> None:
    """Write the stores of a part's results, and the function that joins all parts and does the work behind."""
    f = rows.f
    ((run,), size) = rows.tile.runs, math.prod(n for _, n in rows.tile.runs[0].axes)
    g = f.then("sum")
    block, g.warps = flat_block(size, f.grain)
    tile = flat_tile(g, list(run.axes), block)  # type: ignore[arg-type]
    mask = f", mask={tile.inside}" if tile.inside else ""
    joined: dict[Node, str] = {}
    for k, (node, value) in enumerate(known.items()):
        scratch = f.scratch(f"parts{k}")
        f.body.line(f"tl.store({f.pointers[scratch]} + {rows.part} * {size} + {run.name}, {value}, mask={run.inside})")
        place = f"{g.pointers[scratch]} + {tile.runs[0].name}"
        joined[node] = total = g.let(node.name, f"tl.load({place}{mask})")
        with g.body.block(f"for part in range(1, {parts_of(f)}):"):
            other = f"tl.load({place} + part * {size}{mask})"
            g.body.line(f"{total} = {COMBINATIONS[node.op.name].format(total, other)}")
    walk = Walk(g, tile, len(rows.kept) + len(rows.across), rows.kept)
    walk.values |= joined
    walk.finish([v for v in f.kernel.outputs if not rows.is_whole(v)])
