"""Layers that join, cut, rearrange and repeat."""

from __future__ import annotations

import math
from itertools import pairwise

from tcaffe.frontend.layers.common import reshaped
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import MOST_AXES, LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import broadcast, concat, reshape, slice_, transpose

Shape = tuple[int, ...]


@layer("Concat")
def concatenation(x: Node, *rest: Node, p: LayerView) -> Node:
    """The bottoms one after the other along an axis.

    With per_fla_fuse, a field of Intel's fork, each is first laid out by places, [N, H * W * C, 1, 1].
    """
    axis = _axis_or(x, p, "concat_dim")
    xs: tuple[Node, ...] = (x, *rest)
    if p.foreign("per_fla_fuse", False):
        p.require(axis == 1, "per_fla_fuse", f"per_fla_fuse goes with axis 1, not {axis}")
        xs = tuple(_by_places(y, p) for y in xs)
    p.require_alike(xs, but=axis)
    p.sized((*xs[0].shape[:axis], sum(y.shape[axis] for y in xs), *xs[0].shape[axis + 1 :]))
    return concat(*xs, axis=axis) if rest else xs[0]


def _by_places(x: Node, p: LayerView) -> Node:
    """Images with all channels of a place side by side, flattened to [N, H * W * C, 1, 1]."""
    p.require_axes(x, 4, 4)
    return reshape(transpose(x, order=(0, 2, 3, 1)), shape=(x.shape[0], math.prod(x.shape[1:]), 1, 1))


@layer("Slice", tops=(1, None))
def cut(x: Node, p: LayerView) -> tuple[Node, ...]:
    """x cut along an axis, at the slice_points or into equal pieces."""
    axis = _axis_or(x, p, "slice_dim")
    if p.tops == 1 and not p.slice_point:
        return (x,)
    edges = (0, *_cuts(x.shape[axis], p), x.shape[axis])
    return tuple(_piece(x, axis, begin, end) for begin, end in pairwise(edges))


def _cuts(size: int, p: LayerView) -> Shape:
    """Where to cut an axis of `size`."""
    points: Shape = p.slice_point
    if not points:
        note = "give slice_point to cut it into unequal pieces"
        p.require(size % p.tops == 0, "", f"{p.tops} tops do not divide an axis of {size}", note)
        return tuple(range(size // p.tops, size, size // p.tops))
    count = f"{len(points)} slice points for {p.tops} tops"
    p.require(len(points) == p.tops - 1, "slice_point", count, "there is one between every two tops")
    rising = all(a < b for a, b in pairwise((0, *points, size)))
    note = "they must rise, and lie inside the axis"
    p.require(rising, "slice_point", f"slice points {list(points)} for an axis of {size}", note)
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
    first, last = p.axis_of(x), p.axis_of(x, "end_axis")
    p.require(first <= last, "end_axis", f"end_axis {last} lies before axis {first}")
    return reshaped(x, (*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


@layer("Reshape", in_place=False)
def reshape_blob(x: Node, p: LayerView) -> Node:
    """The elements of x in another shape: 0 keeps the size of the bottom's axis, -1 is what remains."""
    first, last = _replaced(x, p)
    dims = tuple(p.shape.dim)
    p.require(min(dims, default=0) >= -1, "shape", f"the shape {list(dims)} has a negative size")
    p.require(dims.count(-1) <= 1, "shape", f"the shape {list(dims)} leaves more than one size open")
    known = [_kept(x, p, first + i) if d == 0 else d for i, d in enumerate(dims)]
    return reshaped(x, _completed(x, p, (*x.shape[:first], *known, *x.shape[last:])))


def _replaced(x: Node, p: LayerView) -> tuple[int, int]:
    """The axes [first, last) that the new shape replaces; an axis of -1 is the place after the last."""
    rank = len(x.shape)
    first = p.axis if p.axis >= 0 else rank + p.axis + 1
    p.require(0 <= first <= rank, "axis", f"axis {p.axis} is out of range for a blob of shape {list(x.shape)}")
    p.require(p.num_axes >= -1, "num_axes", f"num_axes is {p.num_axes}", "-1 stands for all axes from `axis` on")
    last = rank if p.num_axes == -1 else first + p.num_axes
    p.require(
        last <= rank, "num_axes", f"a blob of shape {list(x.shape)} has no {p.num_axes} axes from axis {first} on"
    )
    return first, last


def _kept(x: Node, p: LayerView, axis: int) -> int:
    """The size that a 0 in the new shape copies."""
    missing = f"a 0 copies the size of axis {axis}, which a blob of shape {list(x.shape)} does not have"
    p.require(axis < len(x.shape), "shape", missing)
    return x.shape[axis]


def _completed(x: Node, p: LayerView, shape: Shape) -> Shape:
    """`shape` with its -1, if any, replaced by what the size of x leaves."""
    rest = math.prod(d for d in shape if d != -1)
    fits = x.type.size % rest == 0 if -1 in shape else x.type.size == rest
    p.require(fits, "shape", f"{x.type.size} elements of shape {list(x.shape)} do not fill the shape {list(shape)}")
    return tuple(x.type.size // rest if d == -1 else d for d in shape)


@layer("Permute", param="permute_param")
def permute(x: Node, p: LayerView) -> Node:
    """x with its axes in another order, those not named behind in their own; from SSD."""
    named: Shape = p.foreign("order", (), int)
    rank = len(x.shape)
    clear = len(set(named)) == len(named) and all(0 <= axis < rank for axis in named)
    note = "it names axes from the front, each once"
    p.require(clear, "order", f"the order {list(named)} for a blob of shape {list(x.shape)}", note)
    order = (*named, *(axis for axis in range(rank) if axis not in named))
    return x if order == tuple(range(rank)) else transpose(x, order=order)


@layer("Squeeze", param="squeeze_param", in_place=False)
def squeeze(x: Node, p: LayerView) -> Node:
    """x without the axes named, which have size 1, or without all axes of size 1; from Synopsys."""
    rank = len(x.shape)
    named: Shape = p.foreign("axis", (), int)
    fits = all(-rank <= axis < rank and x.shape[axis] == 1 for axis in named)
    p.require(fits, "axis", f"axes {list(named)} of a blob of shape {list(x.shape)}", "they must have size 1")
    dropped = {axis % rank for axis in named} or {axis for axis, n in enumerate(x.shape) if n == 1}
    return reshaped(x, tuple(n for axis, n in enumerate(x.shape) if axis not in dropped))


@layer("ShuffleChannel", param="shuffle_channel_param")
def shuffle_channels(x: Node, p: LayerView) -> Node:
    """x with the channels of its groups interleaved: the first of each group, then the second ...; from ShuffleNet."""
    p.require_axes(x, 2, MOST_AXES - 1)
    groups, channels = p.foreign("group", 1), x.shape[1]
    p.require(groups > 0 and channels % groups == 0, "group", f"{groups} groups do not divide {channels} channels")
    grouped = reshape(x, shape=(x.shape[0], groups, channels // groups, *x.shape[2:]))
    return reshape(transpose(grouped, order=(0, 2, 1, *range(3, len(grouped.shape)))), shape=x.shape)


@layer("Crop")
def crop(x: Node, like: Node, p: LayerView) -> Node:
    """The window of x that has the size of the second bottom from p.axis on."""
    axis, rank = p.axis_of(x), len(x.shape)
    p.require(len(like.shape) == rank, "", f"bottom 0 has {rank} axes, bottom 1 has {len(like.shape)}")
    begin = (0,) * axis + _offsets(p, rank - axis)
    end = tuple(b + n for b, n in zip(begin, (*x.shape[:axis], *like.shape[axis:]), strict=True))
    inside = all(e <= n for e, n in zip(end, x.shape, strict=True))
    window = f"the window from {list(begin)} to {list(end)}"
    p.require(inside, "offset", f"{window} does not lie inside a blob of shape {list(x.shape)}")
    return x if end == x.shape and not any(begin) else slice_(x, begin=begin, end=end)


def _offsets(p: LayerView, cropped: int) -> Shape:
    """Where the window begins on each of the `cropped` axes."""
    offsets: Shape = p.offset or (0,)
    note = "give none, one for all, or one for each cropped axis"
    p.require(len(offsets) in (1, cropped), "offset", f"{len(offsets)} offsets for {cropped} cropped axes", note)
    return offsets * cropped if len(offsets) == 1 else offsets


@layer("Tile")
def tile(x: Node, p: LayerView) -> Node:
    """x repeated p.tiles times along an axis."""
    axis, tiles = p.axis_of(x), p.positive("tiles")
    shape = p.sized((*x.shape[:axis], tiles * x.shape[axis], *x.shape[axis + 1 :]))
    return x if tiles == 1 else reshape(_repeated(x, axis, tiles), shape=shape)


def _repeated(x: Node, axis: int, times: int) -> Node:
    """x with a new axis of `times` copies before `axis`."""
    kept = (*range(axis), *range(axis + 1, len(x.shape) + 1))
    return broadcast(x, axes=kept, shape=(*x.shape[:axis], times, *x.shape[axis:]))


def _axis_or(x: Node, p: LayerView, legacy: str) -> int:
    """The axis of the layer, from `axis` or from its older, unsigned name."""
    both = p.has("axis") and p.has(legacy)
    p.require(not both, legacy, f"both axis and {legacy} are given", "axis is the newer name")
    return p.axis_of(x, legacy if p.has(legacy) else "axis")


def _piece(x: Node, axis: int, begin: int, end: int) -> Node:
    """x from `begin` to `end` along an axis."""
    low = tuple(begin if i == axis else 0 for i in range(len(x.shape)))
    high = tuple(end if i == axis else n for i, n in enumerate(x.shape))
    return slice_(x, begin=low, end=high)
