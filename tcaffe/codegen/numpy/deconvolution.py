"""Transposed convolutions: every pixel spreads a window of products, and overlapping windows add up."""

from __future__ import annotations

from contextlib import ExitStack

from tcaffe.codegen.numpy.blocks import Axis, Block, affine, begin_tasks, product, subscript
from tcaffe.codegen.numpy.chain import Chain
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.matrix import weights
from tcaffe.ir.geometry import Geometry, geometry


def write_deconvolution(f: Function) -> None:
    """The sum of the windows that reach into a block, then the pointwise work on it."""
    anchor = f.kernel.anchor
    assert anchor is not None
    geo, order = geometry(anchor), anchor.type.axes_in_memory
    block = begin_tasks(f, order, [anchor.shape[a] for a in order], f.kernel.attrs["tile"])
    total = f.fresh("sums")
    f.body.line(f"{total} = {f.memory('total')}{subscript([f.worker, *(a.trim for a in block.axes[:2])])}")
    f.body.line(f"{total}.fill(0)")
    _spread(f, geo, block, total)
    inner = [f"{p}:{p + n}" for p, n in zip(geo.pad[1:], geo.image[1:], strict=True)]
    Chain(f, anchor, block, home=f"{total}{subscript([':', ':', *inner])}").finish()


def _spread(f: Function, geo: Geometry, block: Block, total: str) -> None:
    """Write the loop over the positions of the window; in it, `first` to `last` are the rows of pixels it moves."""
    anchor = f.kernel.anchor
    assert anchor is not None
    pixels = f.laid_out(anchor.inputs[0], block.order)
    rows, stride, pad = block.axes[1], geo.stride[0], geo.pad[0]
    start, stop = _pixel_rows(f, geo, rows)
    part_of_pixels = pixels + subscript([block.axes[0].where, f"{start}:{stop}"])
    products = _products(f, geo, block, part_of_pixels, f"{stop} - {start}")
    names = [f.fresh("uvw"[k] if k < 3 else "u") for k in range(len(geo.kernel))]
    first, last, at, part = (f.fresh(n) for n in ("first", "last", "at", "part"))
    row = affine(geo.dilation[0], names[0], 0)
    total = _grouped(f, geo, block, total)
    begin, end = rows.start, str(rows.size) if rows.whole else rows.stop
    with ExitStack() as stack:
        stack.enter_context(f.body.block(f"for {names[0]} in range({geo.kernel[0]}):"))
        f.body.line(f"{first} = max({start}, ({begin} + {pad + stride - 1} - {row}) // {stride})")
        f.body.line(f"{last} = min({stop}, ({end} + {pad - 1 + stride} - {row}) // {stride})")
        f.body.line(f"{at} = {affine(stride, first, -pad)} + {row} - {begin}")
        stack.enter_context(f.body.block(f"if {first} < {last}:"))
        for k, name in enumerate(names[1:], 1):
            stack.enter_context(f.body.block(f"for {name} in range({geo.kernel[k]}):"))
        where = [":", _span(at, f"({last} - {first} - 1) * {stride} + 1", stride)]
        for k, name in enumerate(names[1:], 1):
            where.append(
                _span(affine(geo.dilation[k], name, 0), str((geo.out[k] - 1) * geo.stride[k] + 1), geo.stride[k])
            )
        f.body.line(f"{part} = {total}{subscript(where)}")
        _add(f, geo, block, part, products, names, f"{first} - {start}:{last} - {start}", pixels, f"{first}:{last}")


def _span(start: str, length: str, stride: int) -> str:
    return f"{start}:{start} + {length}" + (f":{stride}" if stride > 1 else "")


def _pixel_rows(f: Function, geo: Geometry, rows: Axis) -> tuple[str, str]:
    """The rows of pixels of which any reaches into the block."""
    if rows.whole:
        return "0", str(geo.out[0])
    start, stop = f.fresh("start"), f.fresh("stop")
    stride, pad = geo.stride[0], geo.pad[0]
    f.body.line(f"{start} = max(0, ({rows.start} + {pad + stride - geo.extent[0]}) // {stride})".replace("+ -", "- "))
    f.body.line(f"{stop} = min({geo.out[0]}, ({rows.stop} + {pad - 1 + stride}) // {stride})".replace("+ -", "- "))
    return start, stop


def _products(f: Function, geo: Geometry, block: Block, pixels: str, height: str) -> str:
    """Write the products of all pixels with all filters; empty where they are better made one by one."""
    if geo.depthwise:
        return ""
    height = height if block.axes[1].whole is False else str(geo.out[0])
    images, columns = block.axes[0].length, [str(n) for n in geo.out[1:]]
    count = product([images, height, *columns])
    channels, per = geo.channels // geo.groups, geo.filters // geo.groups
    size = product([count, str(geo.taps * geo.channels)])
    if f.has("dense"):
        dense = f.fresh("dense")
        f.body.line(f"{dense} = {f.memory('dense')}{subscript([f.worker, f':{images}', f':{height}'])}")
        f.body.line(f"np.copyto({dense}, {pixels})")
        pixels = dense
    name = f.fresh("spread")
    f.body.line(f"{name} = {f.memory('products')}[{f.worker}, :{size}]")
    taps = ", ".join(map(str, geo.kernel))
    shape = ", ".join([images, height, *columns])
    if geo.groups == 1:
        f.body.line(f"np.matmul({pixels}.reshape({count}, {geo.filters}), {weights(f)}, "
                    f"out={name}.reshape({count}, {geo.taps * channels}))")  # fmt: skip
        f.body.line(f"{name} = {name}.reshape({shape}, {taps}, {channels})")
        return name
    f.body.line(f"np.matmul({pixels}.reshape({count}, {geo.groups}, {per}).swapaxes(0, 1), {weights(f)}, "
                f"out={name}.reshape({geo.groups}, {count}, {geo.taps * channels}))")  # fmt: skip
    last = 1 + len(block.axes) - 1 + len(geo.kernel)
    order = ", ".join(map(str, [*range(1, last), 0, last]))
    f.body.line(f"{name} = {name}.reshape({geo.groups}, {shape}, {taps}, {channels}).transpose({order})")
    return name


def _grouped(f: Function, geo: Geometry, block: Block, total: str) -> str:
    """`total` with its channels apart by group, where products come by group."""
    if geo.groups == 1 or geo.depthwise:
        return total
    name, columns = f.fresh("parted"), map(str, f.memory_type("total").shape[3:-1])
    shape = [*(a.length for a in block.axes[:2]), *columns, str(geo.groups), str(geo.channels // geo.groups)]
    f.body.line(f"{name} = {total}.reshape({', '.join(shape)})")
    return name


def _add(f: Function, geo: Geometry, block: Block, part: str, products: str, names: list[str], rows: str,
         pixels: str, image_rows: str) -> None:  # fmt: skip
    """Add the products at one position of the window to the part of the result they belong to."""
    if products:
        columns = [":"] * (len(geo.kernel) - 1)
        f.body.line(f"np.add({part}, {products}{subscript([':', rows, *columns, *names])}, out={part})")
        return
    spare = f.fresh("spare")
    lengths = subscript([f.worker, block.axes[0].trim, f":{part}.shape[1]"])
    f.body.line(f"{spare} = {f.memory('products')}{lengths}")
    taps = f"{weights(f)}{subscript(names)}"
    f.body.line(f"np.multiply({pixels}{subscript([block.axes[0].where, image_rows])}, {taps}, out={spare})")
    f.body.line(f"np.add({part}, {spare}, out={part})")
