"""Gradients of pools: every element of the image looks at the windows that it is in, and adds what they give it."""

from __future__ import annotations

import math

from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.spelling import DTYPES
from tcaffe.codegen.triton.tiles import Key, Tile, added, axis_name, both, scaled
from tcaffe.codegen.triton.window import MAX_UNROLLED, Read, Slide, divided
from tcaffe.ir.node import Node


def unpooled(f: Function, node: Node, tile: Tile, read: Read) -> str:
    """Write the loop over the windows that see each element of `tile`; the name of the result."""
    found = _slides(node)
    reaches = [f.let(f"{s.name}_reach", added([_vector(tile, s.axis)], s.low)) for s in found]
    total = f.let(node.name, f"tl.full({tile.shape}, 0.0, {DTYPES[node.type.dtype]})")
    seen = [-(-s.size // s.stride) for s in found]
    windows = f.fresh("window")
    unrolled = "tl.static_range" if math.prod(seen) <= MAX_UNROLLED else "range"
    with f.body.block(f"for {windows} in {unrolled}({math.prod(seen)}):"):
        moved: dict[Key, str] = {}
        taps: list[str] = []
        conditions: list[str] = []
        inner = math.prod(seen)
        for slide, reach, several in zip(found, reaches, seen, strict=True):
            inner //= several
            back = _digit(windows, inner, several, math.prod(seen))
            at = f.let(slide.name, f"{_whole(reach, slide.stride)}{f' - {back}' if back != '0' else ''}")
            tap = f.let("tap", f"{reach} - {scaled(at, slide.stride)}")
            conditions += [f"{at} >= 0", f"{at} < {slide.out}"]
            conditions += [f"{tap} < {slide.size}"] if several * slide.stride != slide.size else []
            moved[slide.axis] = at
            taps.append(tap)
        near = f.let("near", both(*conditions))
        there = tile.shifted(moved, near)
        value = read(node.inputs[0], there)
        if node.op.name == "unpool":
            near = f.let("taken", both(near, f"{read(node.inputs[1], there)} == {_number(taps, found)}"))
        elif node.attrs["kind"] == "average":
            starts = [added([scaled(moved[s.axis], s.stride)], -s.low) for s in found]
            value = divided(value, found, [f"({s})" for s in starts], DTYPES[node.type.dtype])
        f.body.line(f"{total} += tl.where({near}, {value}, 0.0)")
    return total


def _slides(node: Node) -> list[Slide]:
    """How the windows of the pool slide, axis by axis."""
    attrs, small = node.attrs, node.inputs[0].shape
    rows = zip(attrs["axes"], attrs["size"], attrs["stride"], attrs["pad"], strict=True)
    return [
        Slide(axis_name(axis, len(small)), axis, node.shape[axis], small[axis], size, stride, low)
        for axis, size, stride, (low, _) in rows
    ]


def _vector(tile: Tile, axis: int) -> str:
    """The coordinate along an axis, as a block of numbers also where it is always 0."""
    at = tile.coordinate(axis)
    return f"{tile.run_of(axis).name} * 0" if at == "0" else at


def _whole(text: str, number: int) -> str:
    return text if number == 1 else f"{text} // {number}"


def _digit(name: str, inner: int, size: int, count: int) -> str:
    """What a number says of one of several counts that it is made of."""
    if size == 1:
        return "0"
    outer = f"{name} // {inner}" if inner > 1 else name
    return outer if inner * size == count else f"{outer} % {size}"


def _number(taps: list[str], found: list[Slide]) -> str:
    """The number of an element in its window, row-major."""
    number = taps[0]
    for slide, tap in zip(found[1:], taps[1:], strict=True):
        number = f"({number}) * {slide.size} + {tap}"
    return number if len(taps) == 1 else f"({number})"
