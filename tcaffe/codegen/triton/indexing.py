"""Elements chosen by others: each result finds its own, or adds up all that name it, in order."""

from __future__ import annotations

import math

from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.spelling import DTYPES
from tcaffe.codegen.triton.tiles import Key, Run, Tile
from tcaffe.codegen.triton.window import Read
from tcaffe.ir.node import Node


def indexed(f: Function, node: Node, tile: Tile, read: Read) -> str:
    """Write what finds the elements of a `gather` or `scatter_add` at the positions of `tile`."""
    return _gathered(f, node, tile, read) if node.op.name == "gather" else _scattered(f, node, tile, read)


def _gathered(f: Function, node: Node, tile: Tile, read: Read) -> str:
    x, index = node.inputs
    axis, rank = node.attrs["axis"], len(index.shape)
    named = _rekeyed(tile, {axis + k: k for k in range(rank)}, len(node.shape))
    at = f.let("at", _clamped(read(index, named), x.shape[axis]))
    others: dict[int, Key] = {a: a if a < axis else a - rank + 1 for a in range(len(node.shape))}
    kept = {a: to for a, to in others.items() if not axis <= a < axis + rank}
    return read(x, _rekeyed(tile, kept, len(node.shape)).shifted({axis: at}, ""))


def _scattered(f: Function, node: Node, tile: Tile, read: Read) -> str:
    g, index = node.inputs
    axis, rank = node.attrs["axis"], len(index.shape)
    mine = f.let("mine", tile.coordinate(axis))
    total = f.let(node.name, f"tl.full({tile.shape}, 0.0, {DTYPES[node.type.dtype]})")
    each = Run(f.fresh("each"), tuple(enumerate(index.shape)), scalar=True)
    kept: dict[int, Key] = {a: a if a < axis else a + rank - 1 for a in range(len(node.shape)) if a != axis}
    with f.body.block(f"for {each.name} in range({math.prod(index.shape)}):"):
        at = f.let("at", _clamped(read(index, Tile((each,))), node.attrs["size"]))
        near = f.let("near", f"{mine} == {at}")
        there: dict[Key, str] = {axis + k: each.coordinate(k) for k in range(rank)}
        if rank:
            there[axis] = f.let("source", f"{there[axis]} + {mine} * 0")  # a block, like the condition
        value = read(g, _rekeyed(tile, kept, len(node.shape)).shifted(there, near))
        f.body.line(f"{total} += tl.where({near}, {value}, 0.0)")
    return total


def _clamped(index: str, size: int) -> str:
    """The nearest index inside."""
    return f"tl.minimum(tl.maximum({index}, 0), {size - 1}).to(tl.int32)"


def _rekeyed(tile: Tile, keys: dict[int, Key], rank: int) -> Tile:
    """The same positions seen by a value that has some of these axes, under other keys."""
    return tile.rekeyed({a: keys.get(a, f"other{a}") for a in range(rank)})
