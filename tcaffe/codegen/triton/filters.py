"""Gradients of filters: filters by pixels, times pixels by taps and channels."""

from __future__ import annotations

import math

from tcaffe.codegen.triton.convolution import in_group, spatial_name
from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.products import (
    Axes,
    add_products,
    begin_blocks,
    begin_sum,
    depth_slice,
    depth_steps,
    finish_products,
    nearby,
    operand,
)
from tcaffe.codegen.triton.tiles import Key, Tile, added, scaled
from tcaffe.ir.geometry import Geometry, geometry
from tcaffe.ir.node import Node


def write_filter_gradient(f: Function) -> None:
    """The gradient of a convolution's filters. A program works on one tap, where its channels fill a block."""
    dw = f.kernel.anchor
    assert dw is not None
    geo, (x, g) = geometry(dw), dw.inputs
    channels, taps = geo.channels // geo.groups, taps_of(geo)
    alone = geo.taps > 1 and channels >= f.kernel.attrs["tile"][1]
    apart: Axes = (("group", geo.groups), *(taps if alone else ()))
    columns: Axes = (*(() if alone else taps), (1, channels))
    blocks = begin_blocks(f, apart, ((0, geo.filters // geo.groups),), columns, ("apart", "filter", "column"))
    row = in_group(f, blocks.row, f.let("group", blocks.apart.coordinate("group")), geo.groups)
    left = operand(f, g, (row,), gradient_strides(f, g))
    right = operand(f, x, (blocks.apart, blocks.column), *image_strides(f, x, geo))
    total = begin_sum(f, dw)
    pixels = pixels_of(geo)
    with depth_steps(f, -(-math.prod(n for _, n in pixels) // f.sizes["DEPTH"]), blocks) as step:
        across, down = depth_slice(f, pixels, step)
        near = near_taps(f, geo, Tile((down,)), Tile((blocks.apart, blocks.column)))
        add_products(f, total, left.load(f, (across,)), right.load(f, (down,), near))
    finish_products(f, total, Tile((blocks.apart, row, blocks.column), ("ROWS", "COLUMNS")), blocks)


def taps_of(geo: Geometry) -> Axes:
    """The taps of the filters, by their axes in the result."""
    return tuple((2 + k, n) for k, n in enumerate(geo.kernel))


def pixels_of(geo: Geometry) -> Axes:
    """The pixels that are summed over: those of the gradient."""
    return (("n", geo.items), *((f"p{k}", n) for k, n in enumerate(geo.out)))


def gradient_strides(f: Function, g: Node) -> dict[Key, int]:
    """Elements from one filter (axis 0 of the result) or pixel of the gradient to the next."""
    item, channel, *steps = f.strides(g)
    return {0: channel, "n": item, **{f"p{k}": step for k, step in enumerate(steps)}}


def image_strides(f: Function, x: Node, geo: Geometry) -> tuple[dict[Key, int], int]:
    """Elements from one group, channel, tap or pixel to the next in the image, and where the first window begins."""
    item, channel, *steps = f.strides(x)
    strides: dict[Key, int] = {"n": item, 1: channel, "group": channel * geo.channels // geo.groups}
    for k, step in enumerate(steps):
        strides |= {2 + k: step * geo.dilation[k], f"p{k}": step * geo.stride[k]}
    return strides, -sum(p * s for p, s in zip(geo.pad, steps, strict=True))


def near_taps(f: Function, geo: Geometry, pixels: Tile, taps: Tile) -> str:
    """Write which taps of the windows of these pixels lie in the image, along the axes where any may not."""
    inside = []
    for k in (k for k, pad in enumerate(geo.pad) if pad):
        start = scaled(pixels.coordinate(f"p{k}"), geo.stride[k])
        at = f.let(spatial_name(geo, k), added([start, scaled(taps.coordinate(2 + k), geo.dilation[k])], -geo.pad[k]))
        inside += [f"{at} >= 0", f"{at} < {geo.image[k]}"]
    return nearby(f, "near", inside)
