"""Convolutions as implicit matrix products: pixels by taps and channels, times taps and channels by filters.

The matrix of windows is never stored: its elements are loaded from the image where the sum needs them.
"""

from __future__ import annotations

from dataclasses import replace

from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.products import (
    Axes,
    Depth,
    add_products,
    begin_blocks,
    begin_sum,
    depth_steps,
    finish_products,
    nearby,
    operand,
)
from tcaffe.codegen.triton.tiles import Key, Run, Tile, axis_name, scaled
from tcaffe.ir.geometry import Geometry, geometry
from tcaffe.ir.node import Node


def write_convolution(f: Function) -> None:
    """A convolution, the pointwise work on its result, and the slices that end the kernel."""
    conv = f.kernel.anchor
    assert conv is not None
    geo = geometry(conv)
    pixels = ((0, geo.items), *((2 + k, n) for k, n in enumerate(geo.out)))
    each = geo.filters // geo.groups
    blocks = begin_blocks(f, (("group", geo.groups),), pixels, ((1, each),), ("group", "pixel", "channel"))
    blocks = replace(blocks, column=in_group(f, blocks.column, blocks.apart.name, geo.groups))
    starts = {k: _start(f, geo, blocks.row, k) for k in range(len(geo.image)) if geo.pad[k]}
    image = operand(f, conv.inputs[0], (blocks.apart, blocks.row), *_image_strides(f, conv.inputs[0], geo))
    filters = operand(f, conv.inputs[1], (blocks.column,), filter_strides(f, conv.inputs[1], out=1, channel="c"))
    total = begin_sum(f, conv)
    taps: Axes = tuple((f"k{k}", n) for k, n in enumerate(geo.kernel))
    depth = Depth(taps, ("c", geo.channels // geo.groups), f.sizes["DEPTH"])
    with depth_steps(f, depth.steps, blocks) as step:
        across, down = depth.runs(f, step)
        near = _near(f, geo, starts, Tile(across))
        add_products(f, total, image.load(f, across, near), filters.load(f, down))
    finish_products(f, total, Tile((blocks.row, blocks.column), ("ROWS", "COLUMNS")), blocks)


def in_group(f: Function, run: Run, group: str, groups: int) -> Run:
    """Write the numbers of a group's positions among those of all groups, where there are several."""
    if groups == 1:
        return run
    ((key, each),) = run.axes
    name = f.let(run.name, f"{scaled(group, each)} + {run.name}")
    return Run(name, ((key, groups * each),), run.inside)


def spatial_name(geo: Geometry, axis: int) -> str:
    """What a spatial axis is called in emitted code."""
    return axis_name(2 + axis, 2 + len(geo.image))


def filter_strides(f: Function, w: Node, *, out: Key, channel: Key) -> dict[Key, int]:
    """Elements from one filter (the key `out`), tap (`k0`, `k1` ...) or channel to the next, however they lie."""
    steps = f.strides(w)
    if w in f.kernel.packing:  # channels innermost
        first, *taps, inner = steps
    else:
        first, inner, *taps = steps
    return {out: first, channel: inner, **{f"k{k}": step for k, step in enumerate(taps)}}


def _start(f: Function, geo: Geometry, pixel: Run, axis: int) -> str:
    """Write where the window of each pixel begins along a padded axis."""
    start = pixel.window_start(2 + axis, geo.stride[axis], geo.pad[axis], checked=True)
    return f.let(f"{spatial_name(geo, axis)}_start", start)


def _near(f: Function, geo: Geometry, starts: dict[int, str], taps: Tile) -> str:
    """Write which elements of the windows lie in the image, along the axes where any may not."""
    inside = []
    for axis, start in starts.items():
        step = scaled(taps.coordinate(f"k{axis}"), geo.dilation[axis])
        at = start if step == "0" else f.let(spatial_name(geo, axis), f"{start} + {step}")
        inside += [f"{at} >= 0", f"{at} < {geo.image[axis]}"]
    return nearby(f, "near", inside)


def _image_strides(f: Function, x: Node, geo: Geometry) -> tuple[dict[Key, int], int]:
    """Elements from one pixel of the result, tap, channel or group to the next, and where the first window begins."""
    item, channel, *steps = f.strides(x)
    strides: dict[Key, int] = {0: item, "c": channel, "group": channel * geo.channels // geo.groups}
    for k, step in enumerate(steps):
        strides[2 + k] = step * geo.stride[k]
        strides[f"k{k}"] = step * geo.dilation[k]
    return strides, -sum(p * s for p, s in zip(geo.pad, steps, strict=True))
