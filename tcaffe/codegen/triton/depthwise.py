"""Convolutions whose filters see one channel each: no matrix products, a sum over taps for every element."""

from __future__ import annotations

import math

from tcaffe.codegen.triton.choices import flat_block
from tcaffe.codegen.triton.convolution import filter_strides, spatial_name
from tcaffe.codegen.triton.filters import gradient_strides, image_strides, near_taps, pixels_of, taps_of
from tcaffe.codegen.triton.function import Function, flat_tile
from tcaffe.codegen.triton.products import begin_blocks, depth_slice, depth_steps, finish_products, nearby
from tcaffe.codegen.triton.tiles import Key, Run, Tile, added, both, scaled
from tcaffe.codegen.triton.walk import Walk
from tcaffe.ir.geometry import Geometry, geometry
from tcaffe.ir.node import Node

Window = tuple[dict[Key, str], list[str]]
"""The coordinates of what a tap looks at, by axis, and under which conditions it is there."""


def write_depthwise(f: Function) -> None:
    """A convolution with one input channel a group: element by element, a loop over the taps."""
    conv = f.kernel.anchor
    assert conv is not None
    geo, (x, w), tile = geometry(conv), conv.inputs, _flat(f, conv)
    channel = f.let("channel", tile.coordinate(1))
    seen = f.let("seen", _divided(channel, geo.filters // geo.channels))
    total = _begin(f, conv)
    tap = Run(f.fresh("tap"), tuple((f"k{k}", n) for k, n in enumerate(geo.kernel)), scalar=True)
    with f.body.block(f"for {tap.name} in range({geo.taps}):"):
        moved, conditions = _window(f, geo, tile, tap)
        there = tile.shifted({1: seen, **moved}, nearby(f, "near", conditions))
        _add(f, total, _load(f, x, there), _load_filter(f, w, tap, channel, tile.inside))
    _finish(f, total, tile)


def write_depthwise_transposed(f: Function) -> None:
    """The transpose of such a convolution: each pixel sums over the windows that see it."""
    conv = f.kernel.anchor
    assert conv is not None
    geo, (g, w), tile = geometry(conv), conv.inputs, _flat(f, conv)
    each = geo.filters // geo.channels
    channel = f.let("channel", tile.coordinate(1))
    total = _begin(f, conv)
    axes: tuple[tuple[Key, int], ...] = (("each", each), *((f"k{k}", n) for k, n in enumerate(geo.kernel)))
    tap = Run(f.fresh("tap"), axes, scalar=True)
    with f.body.block(f"for {tap.name} in range({tap.count}):"):
        moved, conditions = _windows_over(f, geo, tile, tap)
        one = tap.coordinate("each")
        filter_ = channel if each == 1 else f.let("filter", f"{channel} * {each} + {one}")
        there = tile.shifted({1: filter_, **moved}, nearby(f, "near", conditions))
        _add(f, total, _load(f, g, there), _load_filter(f, w, tap, filter_, tile.inside))
    _finish(f, total, tile)


def write_depthwise_filters(f: Function) -> None:
    """The gradient of such filters: a program sums over pixels for one tap of a block of filters."""
    dw = f.kernel.anchor
    assert dw is not None
    geo, (x, g) = geometry(dw), dw.inputs
    each = geo.filters // geo.channels
    blocks = begin_blocks(f, taps_of(geo), (("row", 1),), ((0, geo.filters),), ("tap", "row", "filter"))
    strides, base = image_strides(f, x, geo)
    seen = Run(f.let("seen", _divided(blocks.column.name, each)), (("group", geo.channels),), blocks.column.inside)
    total = f.let(dw.name, "tl.full([DEPTH, COLUMNS], 0.0, tl.float32)")
    pixels = pixels_of(geo)
    with depth_steps(f, -(-math.prod(n for _, n in pixels) // f.sizes["DEPTH"]), blocks) as step:
        _, down = depth_slice(f, pixels, step)
        near = near_taps(f, geo, Tile((down,)), Tile((blocks.apart,)))
        here, there = Tile((down, blocks.column)), Tile((blocks.apart, down, seen), near=near)
        grad = f.let(g.name, _loaded(f, g, here.whole_offset(gradient_strides(f, g)), here.inside))
        image = f.let(x.name, _loaded(f, x, there.whole_offset(strides, base), there.inside))
        _add(f, total, image, grad)
    sums = f.let("sums", f"tl.sum({total}, axis=0, keep_dims=True)")
    finish_products(f, sums, Tile((blocks.apart, blocks.column), ("1", "COLUMNS")), blocks)


def _flat(f: Function, result: Node) -> Tile:
    """The tile of a program that works on elements of `result` as they lie."""
    block, f.warps = flat_block(result.type.size, f.grain)
    return flat_tile(f, [(a, result.shape[a]) for a in result.type.axes_in_memory], block)


def _begin(f: Function, anchor: Node) -> str:
    return f.let(anchor.name, "tl.full([BLOCK], 0.0, tl.float32)")


def _add(f: Function, total: str, a: str, b: str) -> None:
    f.body.line(f"{total} += {a}.to(tl.float32) * {b}.to(tl.float32)")


def _finish(f: Function, total: str, tile: Tile) -> None:
    anchor = f.kernel.anchor
    assert anchor is not None
    walk = Walk(f, tile, len(anchor.shape))
    walk.values[anchor] = total
    walk.finish()


def _divided(text: str, number: int) -> str:
    return text if number == 1 else f"{text} // {number}"


def _window(f: Function, geo: Geometry, tile: Tile, tap: Run) -> Window:
    """Write where a tap of each window lies in the image."""
    moved: dict[Key, str] = {}
    inside: list[str] = []
    for k, pad in enumerate(geo.pad):
        start = scaled(tile.coordinate(2 + k), geo.stride[k])
        text = added([start, scaled(tap.coordinate(f"k{k}"), geo.dilation[k])], -pad)
        moved[2 + k] = at = f.let(spatial_name(geo, k), text)
        inside += [f"{at} >= 0", f"{at} < {geo.image[k]}"] if pad else []
    return moved, inside


def _windows_over(f: Function, geo: Geometry, tile: Tile, tap: Run) -> Window:
    """Write which window has each pixel under this tap."""
    moved: dict[Key, str] = {}
    inside: list[str] = []
    for k, stride in enumerate(geo.stride):
        back = scaled(tap.coordinate(f"k{k}"), geo.dilation[k])
        reach = added([tile.coordinate(2 + k)], geo.pad[k])
        at = f.let(spatial_name(geo, k), reach if back == "0" else f"{reach} - {back}")
        inside += [f"{at} >= 0"]
        if stride > 1:
            inside += [f"{at} % {stride} == 0"]
            at = f.let(spatial_name(geo, k), f"{at} // {stride}")
        inside += [f"{at} < {geo.out[k]}"]
        moved[2 + k] = at
    return moved, inside


def _load(f: Function, value: Node, tile: Tile) -> str:
    strides: dict[Key, int] = dict(enumerate(f.strides(value)))
    mask = both(tile.inside)
    return f.let(value.name, _loaded(f, value, tile.whole_offset(strides), mask))


def _loaded(f: Function, value: Node, offset: str, mask: str) -> str:
    return f"tl.load({f.pointers[value]} + {offset}{f', mask={mask}, other=0.0' if mask else ''})"


def _load_filter(f: Function, w: Node, tap: Run, channel: str, inside: str) -> str:
    """Write the load of one tap of the filters of each element."""
    strides = filter_strides(f, w, out="channel", channel="c")
    terms = [scaled(channel, strides["channel"]), *tap.terms(strides)]
    return f.let(w.name, _loaded(f, w, added(terms, 0), inside))
