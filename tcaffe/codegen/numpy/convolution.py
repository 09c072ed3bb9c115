"""Convolutions: the block of the result a task computes, by the algorithm that was chosen, and what follows it."""

from __future__ import annotations

from collections.abc import Callable

from tcaffe.codegen.numpy.blocks import Axis, Block, affine, begin_tasks, subscript
from tcaffe.codegen.numpy.chain import Chain
from tcaffe.codegen.numpy.depthwise import write_depthwise
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.matrix import write_gemm, write_im2col
from tcaffe.codegen.numpy.pooling import pool_block
from tcaffe.codegen.numpy.slides import slides
from tcaffe.codegen.numpy.winograd import write_winograd
from tcaffe.ir.geometry import Geometry, geometry, mirrored
from tcaffe.ir.node import Node

Writer = Callable[[Function, Geometry, Block, str], None]
ALGORITHMS: dict[str, Writer] = {
    "gemm": write_gemm,
    "im2col": write_im2col,
    "winograd": write_winograd,
    "depthwise": write_depthwise,
}


def write_convolution(f: Function) -> None:
    """A convolution, the pointwise work on its result, and the pool or the slices that end the kernel."""
    conv = f.kernel.anchor
    assert conv is not None
    last = f.kernel.nodes[-1]
    whole = last if last.op.name == "pool" else conv
    order = whole.type.axes_in_memory
    stored = begin_tasks(f, order, [whole.shape[a] for a in order], f.kernel.attrs["tile"])
    block = _rows_under(f, last, conv, stored) if last.op.name == "pool" else stored
    chain = Chain(f, conv, block)
    geo = geometry(conv) if conv.op.name == "conv" else mirrored(conv)
    assert geo is not None
    ALGORITHMS[f.kernel.attrs["algorithm"]](f, geo, block, chain.home)
    chain.finish()
    if last.op.name == "pool":
        base = block.axes[1].start
        pool_block(f, last, chain.result, base, stored, f.laid_out(last, order) + stored.index())
    for part in f.kernel.outputs:
        if part.op.name == "slice" and part not in chain.nodes:
            _store_slice(f, part, chain, stored)


def _rows_under(f: Function, pool: Node, conv: Node, stored: Block) -> Block:
    """The block of the convolution that the rows of a pool's block look at."""
    rows = stored.axes[1]
    total = conv.shape[2]
    if rows.whole:
        return Block(stored.order, (stored.axes[0], Axis(total), Axis(conv.shape[3]), stored.axes[-1]))
    slide = slides(pool)[0]
    start, stop, where = f.fresh("top"), f.fresh("bottom"), f.fresh("under")
    first = affine(slide.stride, rows.start, -slide.low)
    last = affine(slide.stride, rows.stop, slide.size - slide.stride - slide.low)
    f.body.line(f"{start} = {f'max({first}, 0)' if slide.low else first}")
    f.body.line(f"{stop} = min({last}, {total})")
    f.body.line(f"{where} = slice({start}, {stop})")
    height = (rows.size - 1) * slide.stride + slide.size
    axis = Axis(min(height, total), where, start, stop, even=False)
    return Block(stored.order, (stored.axes[0], axis, Axis(conv.shape[3]), stored.axes[-1]))


def _store_slice(f: Function, part: Node, chain: Chain, stored: Block) -> None:
    """Some channels of the finished block, to a place of their own."""
    begin, end = part.attrs["begin"][1], part.attrs["end"][1]
    target = f.laid_out(part, stored.order) + stored.index()
    last = len(stored.axes) - 1
    f.body.line(f"np.copyto({target}, {chain.result}{subscript([':'] * last + [f'{begin}:{end}'])})")
