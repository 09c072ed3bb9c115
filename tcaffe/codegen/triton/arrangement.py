"""Arrangements: shape operations that could not become views, read from where their elements come from."""

from __future__ import annotations

from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.spelling import number
from tcaffe.codegen.triton.tiles import Key, Run, Tile, added, both, scaled
from tcaffe.codegen.triton.window import Read
from tcaffe.ir.node import Node


def arrange(f: Function, node: Node, tile: Tile, read: Read) -> str:
    """Write what finds the elements of a shape op at the positions of `tile`; how the code spells the result."""
    match node.op.name:
        case "transpose":
            return read(node.inputs[0], tile.rekeyed(dict(enumerate(node.attrs["order"]))))
        case "slice":
            return read(node.inputs[0], _cut(f, node, tile))
        case "reshape":
            return read(node.inputs[0], _renumbered(node, tile))
        case "keep":
            return read(node.inputs[0], tile)
        case "assign":
            return read(node.inputs[1], tile)
        case "pad":
            return _padded(f, node, tile, read)
    return _joined(f, node, tile, read)


def _cut(f: Function, node: Node, tile: Tile) -> Tile:
    begin = node.attrs["begin"]
    steps = node.attrs["stride"] or (1,) * len(begin)
    moved: dict[Key, str] = {
        axis: f.let("at", added([scaled(tile.coordinate(axis), step)], first))
        for axis, (first, step) in enumerate(zip(begin, steps, strict=True))
        if (first, step) != (0, 1)
    }
    return tile.shifted(moved, "")


def _renumbered(node: Node, tile: Tile) -> Tile:
    """A flat, row-major tile keeps its numbers and takes the axes of the operand."""
    (run,) = tile.runs
    return Tile((Run(run.name, tuple(enumerate(node.inputs[0].shape)), run.inside),), tile.sizes)


def _padded(f: Function, node: Node, tile: Tile, read: Read) -> str:
    x, low = node.inputs[0], node.attrs["low"]
    changed = [axis for axis, n in enumerate(x.shape) if n != node.shape[axis]]
    at: dict[Key, str] = {a: f.let("at", added([tile.coordinate(a)], -low[a])) for a in changed}
    inside = both(*(both(f"{at[a]} >= 0" if low[a] else "", f"{at[a]} < {x.shape[a]}") for a in changed))
    near = f.let("near", inside)
    value = read(x, tile.shifted(at, near))
    return f"tl.where({near}, {value}, {number(node.attrs['value'], node.type.dtype)})"


def _joined(f: Function, node: Node, tile: Tile, read: Read) -> str:
    """A concatenation: each operand where its part is, found by the coordinate along the axis."""
    axis = node.attrs["axis"]
    along = f.let("along", tile.coordinate(axis))
    joined, start = "", 0
    for x in node.inputs:
        stop = start + x.shape[axis]
        at = f.let("at", added([along], -start))
        near = f.let("near", both(f"{at} >= 0", f"{at} < {x.shape[axis]}"))
        value = read(x, tile.shifted({axis: at}, near))
        joined = f.let("joined", f"tl.where({near}, {value}, {joined})" if joined else value)
        start = stop
    return joined
