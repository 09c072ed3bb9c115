"""Gradients of filters: sums, over all windows of all images, of a window times the gradient of its result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tcaffe.codegen.numpy.blocks import Axis, Block, affine, all_blocks, begin_shares, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.matrix import image, load_windows, unfold, windows
from tcaffe.codegen.numpy.sums import add_sums, add_to_sum
from tcaffe.ir.geometry import Geometry, geometry

LETTERS = "nrkdefgh"
"""The positions of a block, as einsum calls them; its channels are c, the taps of a window u, v, w ..."""
TAPS = "uvwxyz"


@dataclass(frozen=True)
class Part:
    """What a task computes: `geo` is a convolution of some channels, `image` and `filters` tell which ones these are
    in the image and in the gradient, `rows` and `columns` where the result stands among all filters.
    """

    geo: Geometry
    image: str = ":"
    filters: str = ":"
    rows: str = ":"
    columns: str = ":"


def write_filter_gradient(f: Function) -> None:
    """Tasks with slices of the channels, or with shares of the positions; then the sums are added in their order."""
    node, attrs = f.kernel.anchor, f.kernel.attrs
    assert node is not None
    geo, g = geometry(node), node.inputs[1]
    order = (0, *range(2, len(g.shape)), 1)
    shape, tile = [g.shape[a] for a in order], attrs["tile"]
    product = PRODUCTS[attrs["algorithm"]]
    if attrs["slice"] == geo.channels:
        part = Part(geo)
        with begin_shares(f, order, shape, tile, attrs["shares"]) as share:
            add_to_sum(f, share, product(f, part, share.block, _pixels(f, part, share.block)))
        f.end.line(_stored(f, part, add_sums(f)))
        return
    part = _slice(f, geo, attrs["slice"])
    with all_blocks(f, order, shape, tile) as share:
        add_to_sum(f, share, product(f, part, share.block, _pixels(f, part, share.block)))
    f.body.line(_stored(f, part, f"{f.memory('sums')}[{share.number}]"))


def _slice(f: Function, geo: Geometry, width: int) -> Part:
    """Write the lines that find the channels of task `i`, and with several groups its filters."""
    f.tasks = str(geo.channels // width)
    per, filters = geo.channels // geo.groups, geo.filters // geo.groups
    part = replace(geo, channels=width, filters=filters, groups=1)
    first, channels = f.fresh("first"), f.fresh("channels")
    f.body.line(f"{first} = {affine(width, 'i', 0)}")
    f.body.line(f"{channels} = slice({first}, {first} + {width})")
    if geo.groups == 1:
        return Part(part, channels, columns=channels)
    group, rows, columns = f.fresh("group"), f.fresh("filters"), f.fresh("columns")
    f.body.line(f"{group}, {first} = divmod({first}, {per})")
    f.body.line(f"{rows} = slice({affine(filters, group, 0)}, {affine(filters, group, filters)})")
    f.body.line(f"{columns} = slice({first}, {first} + {width})")
    return Part(part, channels, rows, rows, columns)


def _pixels(f: Function, part: Part, block: Block) -> str:
    """The gradient of the block's results, dense: a view, or a copy where it lies otherwise."""
    assert f.kernel.anchor is not None
    name = f.fresh("pixels")
    where = subscript([*(a.where for a in block.axes[:-1]), part.filters])
    source = f.laid_out(f.kernel.anchor.inputs[1], block.order) + where
    if f.has("dense"):
        f.body.line(f"{name} = {f.memory('dense')}{subscript([f.worker, *(a.trim for a in block.axes[:-1])])}")
        f.body.line(f"np.copyto({name}, {source})")
    else:
        f.body.line(f"{name} = {source}")
    return name


def _gemm(f: Function, part: Part, block: Block, pixels: str) -> str:
    """A 1x1 convolution: channels by pixels times pixels by filters."""
    source = image(f, block.order) + subscript([*(a.where for a in block.axes[:-1]), part.image])
    return _product(part, block, f"{source}.reshape({block.positions}, {part.geo.channels}).T", pixels)


def _im2col(f: Function, part: Part, block: Block, pixels: str) -> str:
    """Windows, copied into a matrix, by pixels times pixels by filters."""
    count, depth = block.positions, part.geo.depth
    matrix = unfold(f, part.geo, block, Axis(1), part.image)
    shape = f"{depth}, {count}" if part.geo.planar else f"{count}, {depth}"
    return _product(part, block, f"{matrix}.reshape({shape}){'' if part.geo.planar else '.T'}", pixels)


def _product(part: Part, block: Block, matrix: str, pixels: str) -> str:
    """[depth, positions] times [positions, filters]."""
    return f"np.matmul({matrix}, {pixels}.reshape({block.positions}, {part.geo.filters}), out={{out}})"


def _depthwise(f: Function, part: Part, block: Block, pixels: str) -> str:
    """A sum of products for every position of the window, all channels at once."""
    load_windows(f, part.geo, block)
    seen, taps = LETTERS[: len(block.axes) - 1], TAPS[: len(part.geo.kernel)]
    source = f"{seen[0]}co{seen[1:]}" if part.geo.planar else f"{seen}co"  # o is the one channel of a group
    there = windows(f, part.geo, block, Axis(part.geo.groups))
    return f'np.einsum("{source}{taps},{seen}c->{taps}c", {there}, {pixels}, out={{out}})'


PRODUCTS = {"gemm": _gemm, "im2col": _im2col, "depthwise": _depthwise}


def _stored(f: Function, part: Part, total: str) -> str:
    """The copy of a sum to its place: [depth, filters] becomes [filters, channels, taps]."""
    node, geo = f.kernel.anchor, part.geo
    assert node is not None
    rank, out = len(geo.kernel), f.arguments[node]
    if geo.depthwise:
        return f"np.copyto({out}[:, 0], {total}.transpose({', '.join(map(str, (rank, *range(rank))))}))"
    taps = ", ".join(map(str, geo.kernel))
    depth = f"{geo.channels}, {taps}" if geo.planar else f"{taps}, {geo.channels}"
    order = (rank + 1, *range(rank + 1)) if geo.planar else (rank + 1, rank, *range(rank))
    place = out + subscript([part.rows, part.columns])
    return f"np.copyto({place}, {total}.reshape({depth}, {geo.filters}).transpose({', '.join(map(str, order))}))"
