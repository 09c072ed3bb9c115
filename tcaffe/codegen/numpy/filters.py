"""Gradients of filters: sums, over all windows of all images, of a window times the gradient of its result."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import Axis, Block, begin_shares, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.matrix import image, load_windows, unfold, windows
from tcaffe.codegen.numpy.sums import add_sums, add_to_sum
from tcaffe.ir.geometry import Geometry, geometry

LETTERS = "nrkdefgh"
"""The positions of a block, as einsum calls them; its channels are c, the taps of a window u, v, w ..."""
TAPS = "uvwxyz"


def write_filter_gradient(f: Function) -> None:
    """Every task sums over its share of the blocks; at the end the sums are added in the order of the tasks."""
    node, attrs = f.kernel.anchor, f.kernel.attrs
    assert node is not None
    geo, g = geometry(node), node.inputs[1]
    order = (0, *range(2, len(g.shape)), 1)
    with begin_shares(f, order, [g.shape[a] for a in order], attrs["tile"], attrs["shares"]) as share:
        pixels = _pixels(f, share.block)
        add_to_sum(f, share, PRODUCTS[attrs["algorithm"]](f, geo, share.block, pixels))
    _store(f, geo, add_sums(f))


def _pixels(f: Function, block: Block) -> str:
    """The gradient of the block's results, dense: a view, or a copy where it lies otherwise."""
    assert f.kernel.anchor is not None
    name = f.fresh("pixels")
    source = f.laid_out(f.kernel.anchor.inputs[1], block.order) + block.index()
    if f.has("dense"):
        f.body.line(f"{name} = {f.memory('dense')}{subscript([f.worker, *(a.trim for a in block.axes)])}")
        f.body.line(f"np.copyto({name}, {source})")
    else:
        f.body.line(f"{name} = {source}")
    return name


def _gemm(f: Function, geo: Geometry, block: Block, pixels: str) -> str:
    """A 1x1 convolution: channels by pixels times pixels by filters."""
    source = image(f, block.order) + subscript([a.where for a in block.axes[:-1]])
    return _product(f, geo, block, f"{source}.reshape({block.positions}, {geo.channels}).T", pixels)


def _im2col(f: Function, geo: Geometry, block: Block, pixels: str) -> str:
    """Windows, copied into a matrix, by pixels times pixels by filters."""
    count, depth, groups = block.positions, geo.depth, geo.groups
    matrix = unfold(f, geo, block, Axis(groups))
    lead = f"{groups}, " if groups > 1 else ""
    if geo.planar:
        return _product(f, geo, block, f"{matrix}.reshape({lead}{depth}, {count})", pixels)
    turned = ".swapaxes(1, 2)" if lead else ".T"
    return _product(f, geo, block, f"{matrix}.reshape({lead}{count}, {depth}){turned}", pixels)


def _product(f: Function, geo: Geometry, block: Block, matrix: str, pixels: str) -> str:
    """[(groups,) depth, positions] times [(groups,) positions, filters]."""
    name = f.fresh("across")
    f.body.line(f"{name} = {matrix}")
    if geo.groups == 1:
        return f"np.matmul({name}, {pixels}.reshape({block.positions}, {geo.filters}), out={{out}})"
    shape = f"{block.positions}, {geo.groups}, {geo.filters // geo.groups}"
    return f"np.matmul({name}, {pixels}.reshape({shape}).swapaxes(0, 1), out={{out}})"


def _depthwise(f: Function, geo: Geometry, block: Block, pixels: str) -> str:
    """A sum of products for every position of the window, all channels at once."""
    load_windows(f, geo, block)
    seen, taps = LETTERS[: len(block.axes) - 1], TAPS[: len(geo.kernel)]
    # the window of a channel has one channel, o
    source = f"{seen[0]}co{seen[1:]}" if geo.planar else f"{seen}co"
    there = windows(f, geo, block, Axis(geo.groups))
    return f'np.einsum("{source}{taps},{seen}c->{taps}c", {there}, {pixels}, out={{out}})'


PRODUCTS = {"gemm": _gemm, "im2col": _im2col, "depthwise": _depthwise}


def _store(f: Function, geo: Geometry, total: str) -> None:
    """Write the copy of the sum to its place: [(groups,) depth, filters] becomes [filters, channels, taps]."""
    node = f.kernel.anchor
    assert node is not None
    rank, out = len(geo.kernel), f.arguments[node]
    taps, per = ", ".join(map(str, geo.kernel)), geo.channels // geo.groups
    if f.kernel.attrs["algorithm"] == "depthwise":
        f.end.line(f"np.copyto({out}[:, 0], {total}.transpose({', '.join(map(str, (rank, *range(rank))))}))")
        return
    depth = f"{per}, {taps}" if geo.planar else f"{taps}, {per}"
    order = (0, rank + 2, *range(1, rank + 2)) if geo.planar else (0, rank + 2, rank + 1, *range(1, rank + 1))
    columns = geo.filters // geo.groups
    f.end.line(
        f"np.copyto({out}.reshape({geo.groups}, {columns}, {per}, {taps}), "
        f"{total}.reshape({geo.groups}, {depth}, {columns}).transpose({', '.join(map(str, order))}))"
    )
