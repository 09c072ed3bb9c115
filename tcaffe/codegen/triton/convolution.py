"""Convolutions as implicit matrix products: pixels by taps and channels, times taps and channels by filters.

The matrix of windows is never stored: its elements are loaded from the image where the sum needs them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.products import (
    Blocks,
    add_products,
    begin_blocks,
    begin_sum,
    depth_slice,
    depth_steps,
    finish_products,
    operand,
)
from tcaffe.codegen.triton.tiles import Key, Run, Tile, axis_name, both, scaled
from tcaffe.ir.geometry import Geometry, geometry
from tcaffe.ir.node import Node


def write_convolution(f: Function) -> None:
    """A convolution, the pointwise work on its result, and the slices that end the kernel."""
    conv = f.kernel.anchor
    assert conv is not None
    geo = geometry(conv)
    blocks = _begin(f, geo)
    starts = {axis: _start(f, geo, blocks.row, axis) for axis in range(len(geo.image)) if geo.pad[axis]}
    image = operand(f, conv.inputs[0], (blocks.apart, blocks.row), *_image_strides(f, conv.inputs[0], geo))
    filters = operand(f, conv.inputs[1], (blocks.column,), _filter_strides(f, conv.inputs[1], geo))
    total = begin_sum(f, conv)
    depth = _depth(f, geo)
    with depth_steps(f, depth.steps) as step:
        across, down = depth.runs(f, step)
        near = _near(f, geo, starts, Tile(across))
        add_products(f, total, image.load(f, across, near), filters.load(f, down))
    finish_products(f, total, Tile((blocks.row, blocks.column), ("ROWS", "COLUMNS")))


def _begin(f: Function, geo: Geometry) -> Blocks:
    """Write what finds the pixels and the filters of a program; those of one group at a time."""
    pixels = ((0, geo.items), *((2 + k, n) for k, n in enumerate(geo.out)))
    each = geo.filters // geo.groups
    blocks = begin_blocks(f, (("group", geo.groups),), pixels, ((1, each),), ("group", "pixel", "channel"))
    if geo.groups == 1:
        return blocks
    channel = f.let("channel", f"{scaled(blocks.apart.name, each)} + {blocks.column.name}")
    return replace(blocks, column=Run(channel, ((1, geo.filters),), blocks.column.inside))


@dataclass(frozen=True)
class Depth:
    """How taps and channels are cut in slices: `taps` and `channels` numbered together, or `parts` slices a tap."""

    taps: tuple[tuple[Key, int], ...]
    channels: int
    steps: int
    parts: int = 0

    def runs(self, f: Function, step: str) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
        """Write the numbers of one slice: across the image's windows, down the filters."""
        if not self.parts:
            across, down = depth_slice(f, (*self.taps, ("c", self.channels)), step)
            return (across,), (down,)
        part = Run(step, (("tap", self.steps // self.parts), ("part", self.parts)), scalar=True)
        tap = Run(f.let("tap", part.coordinate("tap")), self.taps, scalar=True)
        across, down = depth_slice(f, (("c", self.channels),), part.coordinate("part"))
        return (tap, across), (tap, down)


def _depth(f: Function, geo: Geometry) -> Depth:
    """A tap at a time where its channels fill a slice: then all lanes of a load share one offset."""
    size, channels = f.sizes["DEPTH"], geo.channels // geo.groups
    taps = tuple((f"k{k}", n) for k, n in enumerate(geo.kernel))
    if geo.taps == 1 or channels < size:
        return Depth(taps, channels, -(-geo.depth // size))
    parts = -(-channels // size)
    return Depth(taps, channels, geo.taps * parts, parts)


def _start(f: Function, geo: Geometry, pixel: Run, axis: int) -> str:
    """Write where the window of each pixel begins along a padded axis."""
    start = pixel.window_start(2 + axis, geo.stride[axis], geo.pad[axis], checked=True)
    return f.let(f"{_name(geo, axis)}_start", start)


def _name(geo: Geometry, axis: int) -> str:
    """What a spatial axis is called in emitted code."""
    return axis_name(2 + axis, 2 + len(geo.image))


def _near(f: Function, geo: Geometry, starts: dict[int, str], taps: Tile) -> str:
    """Write which elements of the windows lie in the image, along the axes where any may not."""
    inside = []
    for axis, start in starts.items():
        step = scaled(taps.coordinate(f"k{axis}"), geo.dilation[axis])
        at = start if step == "0" else f.let(_name(geo, axis), f"{start} + {step}")
        inside += [f"{at} >= 0", f"{at} < {geo.image[axis]}"]
    return f.let("near", both(*inside)) if inside else ""


def _image_strides(f: Function, x: Node, geo: Geometry) -> tuple[dict[Key, int], int]:
    """Elements from one pixel of the result, tap, channel or group to the next, and where the first window begins."""
    item, channel, *steps = f.strides(x)
    strides: dict[Key, int] = {0: item, "c": channel, "group": channel * geo.channels // geo.groups}
    for k, step in enumerate(steps):
        strides[2 + k] = step * geo.stride[k]
        strides[f"k{k}"] = step * geo.dilation[k]
    return strides, -sum(p * s for p, s in zip(geo.pad, steps, strict=True))


def _filter_strides(f: Function, w: Node, geo: Geometry) -> dict[Key, int]:
    """Elements from one filter, tap or channel to the next; packed filters have their channels innermost."""
    steps = f.strides(w)
    if w in f.kernel.packing:
        first, *taps, channel = steps
    else:
        first, channel, *taps = steps
    return {1: first, "c": channel, **{f"k{k}": step for k, step in enumerate(taps)}}
