"""Reading a block of an image: with zeros around it, and as windows."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.codegen.numpy.blocks import Axis, Block, affine, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.slides import minus
from tcaffe.ir.geometry import Geometry


@dataclass(frozen=True)
class Rows:
    """The rows of the image behind a block of results: padded row 0 of the block is image row `origin`."""

    origin: str
    first: str
    last: str
    clipped: bool


def rows_behind(f: Function, geo: Geometry, rows: Axis) -> Rows:
    """Write the lines that find the image's rows for a block of result rows."""
    stride, pad, extent = geo.stride[0], geo.pad[0], geo.extent[0]
    if rows.whole:
        seen = max(0, min(geo.padded[0] - pad, geo.image[0]))
        return Rows(str(-pad), "0", str(seen), geo.padded[0] - pad > geo.image[0])
    above, first, last = f.fresh("above"), f.fresh("first"), f.fresh("last")
    end = affine(stride, rows.stop, extent - stride - pad)
    f.body.line(f"{above} = {affine(stride, rows.start, -pad)}")
    if not pad:
        f.body.line(f"{last} = {end}")
        return Rows(above, above, last, False)
    f.body.line(f"{first}, {last} = max({above}, 0), min({end}, {geo.image[0]})")
    return Rows(above, first, last, True)


def load_padded(f: Function, geo: Geometry, block: Block, image: str, *, tail: bool = False) -> None:
    """Write the copy of the block's part of `image` into the scratch memory `pad`, zeros around it.

    `image` is channels last, or planar where the geometry says so. The zeros beside the image are written once a call.
    `tail` says that the memory has more rows than the block needs, which are to be zeros too.
    """
    pad = f.memory("pad")
    rows = rows_behind(f, geo, block.axes[1])
    channels = [":"] if geo.planar else []
    lead = [f.worker, block.axes[0].trim, *channels]
    zero_rows(f, geo, block.axes[1], rows, lead, [":", ":", *channels], tail=tail)
    target, source = [inner_rows(geo, block.axes[1], rows)], [f"{rows.first}:{rows.last}"]
    for k, (low, n, full) in enumerate(_sides(geo)):
        beside = [":", ":", *channels, *[":"] * (k + 1)]
        if low:
            f.start.line(f"{pad}{subscript([*beside, f':{low}'])} = 0")
        if full > low + n:
            f.start.line(f"{pad}{subscript([*beside, f'{low + n}:'])} = 0")
        target.append(f"{low}:{max(low, min(low + n, full))}" if full != n or low else ":")
        source.append(f":{max(0, full - low)}" if full - low < n else ":")
    taken = subscript([block.axes[0].where, *channels, *source])
    f.body.line(f"np.copyto({pad}{subscript([*lead, *target])}, {image}{taken})")


def zero_rows(
    f: Function, geo: Geometry, axis: Axis, rows: Rows, lead: list[str], once: list[str], *, tail: bool = False
) -> None:
    """Write zeros above and below the image: for every block, or once a call where a block has all rows.

    `lead` and `once` are what stands before the rows in the subscript of `pad`, for a block and for all of them.
    """
    pad = f.memory("pad")
    if axis.whole:
        low, stop = geo.pad[0], geo.pad[0] + int(rows.last)
        if low:
            f.start.line(f"{pad}{subscript([*once, f':{low}'])} = 0")
        if stop < geo.padded[0]:
            f.start.line(f"{pad}{subscript([*once, f'{stop}:'])} = 0")
        return
    if rows.clipped:
        f.body.line(f"{pad}{subscript([*lead, f':{_start(rows)}'])} = 0")
    if rows.clipped or tail:
        f.body.line(f"{pad}{subscript([*lead, f'{minus(rows.last, rows.origin)}:'])} = 0")


def inner_rows(geo: Geometry, axis: Axis, rows: Rows) -> str:
    """The rows of `pad` that hold rows of the image."""
    if axis.whole:
        return f"{geo.pad[0]}:{geo.pad[0] + int(rows.last)}"
    start = _start(rows)
    return f"{'' if start == '0' else start}:{minus(rows.last, rows.origin)}"


def _sides(geo: Geometry) -> list[tuple[int, int, int]]:
    """For the axes after the rows: the padding before, the image's size, and the size of what windows see."""
    return list(zip(geo.pad[1:], geo.image[1:], geo.padded[1:], strict=True))


def _start(rows: Rows) -> str:
    return "0" if rows.first == rows.origin else minus(rows.first, rows.origin)
