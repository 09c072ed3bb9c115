"""Convolutions as matrix products: directly for 1x1 windows, else of a matrix that has a row for every window."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import Axis, Block, product, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.images import load_padded
from tcaffe.ir.geometry import Geometry


def write_gemm(f: Function, geo: Geometry, block: Block, out: str) -> None:
    """A 1x1 convolution: pixels by channels times channels by filters."""
    filters = block.axes[-1]
    pixels = image(f, block.order) + subscript([a.where for a in block.axes[:-1]])
    rows, matrix = block.positions, f.fresh("matrix")
    f.body.line(f"{matrix} = {pixels}.reshape({rows}, {geo.channels})")
    w = weights(f) + subscript([":", filters.where])
    f.body.line(f"np.matmul({matrix}, {w}, out={out}.reshape({rows}, {filters.length}))")


def write_im2col(f: Function, geo: Geometry, block: Block, out: str) -> None:
    """Windows copied into the rows of a matrix (its columns, for a planar image), times the filters."""
    groups = group_range(geo, block.axes[-1])
    _multiply(f, geo, block, groups, unfold(f, geo, block, groups), out)


def unfold(f: Function, geo: Geometry, block: Block, groups: Axis, channels: str = ":") -> str:
    """Write the copy of the windows of `block` into a matrix; its name. `channels` are those that `geo` is about."""
    load_windows(f, geo, block, channels)
    count = block.positions
    lead = [] if geo.groups == 1 else [groups.length]
    size = product([*lead, count, str(geo.depth)])
    matrix = f.fresh("matrix")
    f.body.line(f"{matrix} = {f.memory('col')}[{f.worker}{'' if size.isdigit() else f', :{size}'}]")
    f.body.line(f"np.copyto({matrix}.reshape({_unfolded(geo, block, lead)}), {windows(f, geo, block, groups, channels)}"
                f".transpose({', '.join(map(str, _turn(geo)))}))")  # fmt: skip
    return matrix


def load_windows(f: Function, geo: Geometry, block: Block, channels: str = ":") -> None:
    """Write what must happen before the windows of `block` can be read."""
    if f.has("pad"):
        cut = subscript([":", channels] if geo.planar else [*(":" for _ in block.axes[1:]), channels])
        load_padded(f, geo, block, image(f, _order(geo, block)) + cut)


def _multiply(f: Function, geo: Geometry, block: Block, groups: Axis, matrix: str, out: str) -> None:
    """The product of `matrix` and the filters, group by group."""
    filters, count = block.axes[-1], block.positions
    if geo.groups == 1:
        a = f"{matrix}.reshape({geo.depth}, {count}).T" if geo.planar else f"{matrix}.reshape({count}, {geo.depth})"
        w = weights(f) + subscript([":", filters.where])
        f.body.line(f"np.matmul({a}, {w}, out={out}.reshape({count}, {filters.length}))")
        return
    shape = (geo.depth, count) if geo.planar else (count, geo.depth)
    a = f"{matrix}.reshape({groups.length}, {shape[0]}, {shape[1]})" + (".swapaxes(1, 2)" if geo.planar else "")
    target = f"{out}.reshape({count}, {groups.length}, {geo.filters // geo.groups}).swapaxes(0, 1)"
    f.body.line(f"np.matmul({a}, {weights(f)}{subscript([groups.where])}, out={target})")


def image(f: Function, order: tuple[int, ...]) -> str:
    """The argument that holds the image, its axes in `order`."""
    assert f.kernel.anchor is not None
    return f.laid_out(f.kernel.anchor.inputs[0], order)


def weights(f: Function) -> str:
    """The argument that holds the filters in the form the algorithm reads."""
    anchor = f.kernel.anchor
    assert anchor is not None
    return f.arguments[anchor.inputs[1]]


def group_range(geo: Geometry, filters: Axis) -> Axis:
    """The groups that a block of filters spans."""
    per = geo.filters // geo.groups
    if filters.whole or geo.groups == 1:
        return Axis(geo.groups)
    if per == 1:
        return filters
    start, stop = f"{filters.start} // {per}", f"{filters.stop} // {per}"
    return Axis(filters.size // per, f"{start}:{stop}", start, stop, filters.even)


def _order(geo: Geometry, block: Block) -> tuple[int, ...]:
    return tuple(range(len(block.axes))) if geo.planar else block.order


def _unfolded(geo: Geometry, block: Block, lead: list[str]) -> str:
    """The shape of the matrix with every axis of the windows apart."""
    positions, taps = [a.length for a in block.axes[:-1]], [str(k) for k in geo.kernel]
    per = str(geo.channels // geo.groups)
    return ", ".join([*lead, per, *taps, *positions] if geo.planar else [*lead, *positions, *taps, per])


def windows(f: Function, geo: Geometry, block: Block, groups: Axis, among: str = ":") -> str:
    """The windows of the block: image, positions, channels (by group), taps; channels first for a planar image."""
    view = f.alias(_all_windows(f, geo, block), "windows")
    rows, images = block.axes[1], block.axes[0]
    channels = [":" if f.has("pad") else among] if geo.groups == 1 else [groups.where, ":"]
    if f.has("pad"):
        before, rows_where = [f.worker, images.trim], rows.trim
    else:
        before, rows_where = [images.where], rows.where
    columns = [":"] * (len(geo.kernel) - 1)
    parts = [*before, *channels, rows_where] if geo.planar else [*before, rows_where, *columns, *channels]
    return f"{view}{subscript(parts)}"


def _all_windows(f: Function, geo: Geometry, block: Block) -> str:
    """Every window of the padded block, or of the image itself: (worker), image, positions, channels, taps."""
    padded, rank = f.has("pad"), len(geo.kernel)
    source = f.memory("pad") if padded else image(f, _order(geo, block))
    lead = ["pool.workers"] if padded else []
    channel_axes = 1
    if geo.groups > 1:
        shape = list(map(str, f.memory_type("pad").shape if padded else _shape_in_memory(f, geo, block)))
        at = len(lead) + 1 if geo.planar else len(shape) - 1
        shape[at : at + 1] = [str(geo.groups), str(geo.channels // geo.groups)]
        source, channel_axes = f"{source}.reshape({', '.join(shape)})", 2
    first = len(lead) + 1 + (channel_axes if geo.planar else 0)
    extents, axes = _tuple(geo.extent), _tuple(range(first, first + rank))
    steps = [f"::{s}" if s > 1 else ":" for s in geo.stride]
    holes = [f"::{d}" if d > 1 else ":" for d in geo.dilation]
    after = [] if geo.planar else [":"] * channel_axes
    view = f"np.lib.stride_tricks.sliding_window_view({source}, {extents}, {axes})"
    return view + subscript([":"] * first + steps + after + holes)


def _shape_in_memory(f: Function, geo: Geometry, block: Block) -> list[int]:
    assert f.kernel.anchor is not None
    x = f.kernel.anchor.inputs[0]
    return [x.shape[a] for a in _order(geo, block)]


def _turn(geo: Geometry) -> list[int]:
    """From (image, positions, channels, taps), or its planar counterpart, to the order of the matrix."""
    rank, grouped = len(geo.kernel), int(geo.groups > 1)
    channels = 1 + grouped
    taps = [1 + channels + rank + k for k in range(rank)]
    if geo.planar:  # image, channels, positions, taps -> channels, taps, image, positions
        return [*range(1, 1 + channels), *taps, 0, *(1 + channels + k for k in range(rank))]
    # image, positions, channels, taps -> group, image, positions, taps, channel
    group = [1 + rank] if grouped else []
    return [*group, 0, *(1 + k for k in range(rank)), *taps, 1 + rank + grouped]


def _tuple(numbers: object) -> str:
    texts = [str(n) for n in numbers]  # type: ignore[attr-defined]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
