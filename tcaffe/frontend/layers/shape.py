"""Layers that join, cut, rearrange and repeat."""

from __future__ import annotations

import math

from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import broadcast, concat, reshape, slice_

Shape = tuple[int, ...]


@layer("Concat")
def concatenation(x: Node, *rest: Node, p: LayerView) -> Node:
    """The bottoms one after the other along an axis."""
    axis = _axis_or(x, p, "concat_dim")
    for y in rest:
        same = len(y.shape) == len(x.shape) and all(a == b for i, (a, b) in enumerate(zip(x.shape, y.shape, strict=True)) if i != axis)
        p.require(same, "", f"bottoms of shapes {list(x.shape)} and {list(y.shape)}", f"they must agree in all axes but {axis}")
    p.sized((*x.shape[:axis], sum(y.shape[axis] for y in (x, *rest)), *x.shape[axis + 1 :]))
    return concat(x, *rest, axis=axis) if rest else x


@layer("Slice", tops=(1, None))
def cut(x: Node, p: LayerView) -> tuple[Node, ...]:
    """x cut along an axis, at the slice_points or into equal pieces."""
    axis = _axis_or(x, p, "slice_dim")
    if p.tops == 1 and not p.slice_point:
        return (x,)
    edges = (0, *_cuts(x.shape[axis], p), x.shape[axis])
    return tuple(_piece(x, axis, begin, end) for begin, end in zip(edges, edges[1:], strict=False))


def _cuts(size: int, p: LayerView) -> Shape:
    """Where to cut an axis of `size`."""
    points: Shape = p.slice_point
    if not points:
        p.require(size % p.tops == 0, "", f"{p.tops} tops do not divide an axis of {size}", "give slice_point to cut it unevenly")
        return tuple(range(size // p.tops, size, size // p.tops))
    p.require(len(points) == p.tops - 1, "slice_point", f"{len(points)} slice points for {p.tops} tops",
              "there must be one fewer than tops")
    rising = all(a < b for a, b in zip((0, *points), (*points, size), strict=True))
    p.require(rising, "slice_point", f"slice points {list(points)} of an axis of {size}",
              "they must rise, and lie inside the axis")
    return points


@layer("Split", tops=(1, None), in_place=False)
def split(x: Node, p: LayerView) -> tuple[Node, ...]:
    """x under several names."""
    return (x,) * p.tops


@layer("Silence", tops=0)
def silence(x: Node, *rest: Node, p: LayerView) -> tuple[Node, ...]:
    """Nothing: the bottoms just stop being outputs of the net."""
    return ()


@layer("Flatten", in_place=False)
def flatten(x: Node, p: LayerView) -> Node:
    """The axes from p.axis to p.end_axis as one."""
    first, last = p.axis_of(x), p.axis_of(x, field="end_axis")
    p.require(first <= last, "end_axis", f"end_axis {last} lies before axis {first}")
    return _reshaped(x, (*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


@layer("Reshape", in_place=False)
def reshaped(x: Node, p: LayerView) -> Node:
    """The elements of x in another shape: 0 keeps the size of the bottom's axis, -1 is what remains."""
    rank = len(x.shape)
    first = p.axis + (rank + 1 if p.axis < 0 else 0)
    p.require(0 <= first <= rank, "axis", f"axis {p.axis} is out of range for a blob of shape {list(x.shape)}")
    p.require(p.num_axes >= -1, "num_axes", f"num_axes is {p.num_axes}", "-1 stands for all axes from `axis` on")
    last = rank if p.num_axes == -1 else first + p.num_axes
    p.require(last <= rank, "num_axes", f"axes {first} to {last} of a blob of shape {list(x.shape)}")
    dims = tuple(p.shape.dim)
    p.require(all(d >= -1 for d in dims), "shape", f"the shape {list(dims)} has a negative size")
    p.require(dims.count(-1) <= 1, "shape", f"the shape {list(dims)} leaves {dims.count(-1)} sizes open", "-1 can stand once")
    known = [_kept(x, p, first + i) if d == 0 else d for i, d in enumerate(dims)]
    shape = (*x.shape[:first], *known, *x.shape[last:])
    return _reshaped(x, _completed(x, p, shape))


def _kept(x: Node, p: LayerView, axis: int) -> int:
    """The size that a 0 in the new shape copies."""
    p.require(axis < len(x.shape), "shape", f"a 0 stands for axis {axis}, which a blob of shape {list(x.shape)} has not")
    return x.shape[axis]


def _completed(x: Node, p: LayerView, shape: Shape) -> Shape:
    """`shape` with its -1, if any, replaced by what the size of x leaves."""
    rest = math.prod(d for d in shape if d != -1)
    fits = x.type.size % rest == 0 if -1 in shape else x.type.size == rest
    p.require(fits, "shape", f"{x.type.size} elements of shape {list(x.shape)} do not fill the shape {list(shape)}")
    return tuple(x.type.size // rest if d == -1 else d for d in shape)


@layer("Crop")
def crop(x: Node, like: Node, p: LayerView) -> Node:
    """The window of x that has the size of the second bottom from p.axis on."""
    axis = p.axis_of(x)
    rank = len(x.shape)
    p.require(len(like.shape) == rank, "", f"bottoms of shapes {list(x.shape)} and {list(like.shape)}", "they must have as many axes")
    offsets: Shape = p.offset
    p.require(len(offsets) in (0, 1, rank - axis), "offset", f"{len(offsets)} offsets for {rank - axis} cropped axes",
              "give none, one for all, or one an axis")
    offsets = offsets * (rank - axis) if len(offsets) == 1 else offsets or (0,) * (rank - axis)
    begin = ((0,) * axis + offsets)
    end = tuple(b + n for b, n in zip(begin, (*x.shape[:axis], *like.shape[axis:]), strict=True))
    p.require(all(e <= n for e, n in zip(end, x.shape, strict=True)), "offset",
              f"a window from {list(begin)} to {list(end)} is outside a blob of shape {list(x.shape)}")
    return x if end == x.shape and not any(begin) else slice_(x, begin=begin, end=end)


@layer("Tile")
def tile(x: Node, p: LayerView) -> Node:
    """x repeated p.tiles times along an axis."""
    p.require(p.tiles > 0, "tiles", "the number of tiles must be given, and be at least 1")
    axis = p.axis_of(x)
    shape = p.sized((*x.shape[:axis], p.tiles * x.shape[axis], *x.shape[axis + 1 :]))
    return reshape(_repeated(x, axis, p.tiles), shape=shape)


def _repeated(x: Node, axis: int, times: int) -> Node:
    """x with a new axis of `times` copies before `axis`."""
    kept = (*range(axis), *range(axis + 1, len(x.shape) + 1))
    return broadcast(x, axes=kept, shape=(*x.shape[:axis], times, *x.shape[axis:]))


def _axis_or(x: Node, p: LayerView, legacy: str) -> int:
    """The axis of the layer, from `axis` or from its older, unsigned name."""
    p.require(not (p.has("axis") and p.has(legacy)), legacy, f"both axis and {legacy} are given", "axis is the newer name")
    return p.axis_of(x, field=legacy if p.has(legacy) else "axis")


def _piece(x: Node, axis: int, begin: int, end: int) -> Node:
    """x from `begin` to `end` along an axis."""
    low = tuple(begin if i == axis else 0 for i in range(len(x.shape)))
    high = tuple(end if i == axis else n for i, n in enumerate(x.shape))
    return slice_(x, begin=low, end=high)


def _reshaped(x: Node, shape: Shape) -> Node:
    return x if x.shape == shape else reshape(x, shape=shape)
