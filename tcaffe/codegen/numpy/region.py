"""Regions: pointwise work and reductions over one shape, block by block."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import Share, begin_shares, begin_tasks
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.pointwise import Walk
from tcaffe.codegen.numpy.spelling import REDUCTIONS
from tcaffe.codegen.numpy.sums import add_sums, add_to_sum
from tcaffe.ir.node import Node
from tcaffe.ir.slots import assign_slots, domain


def write_region(f: Function) -> None:
    """Every block of the full shape goes through all nodes while it is in the cache."""
    kind = domain(f.kernel.nodes)
    order, tile = kind.axes_in_memory, f.kernel.attrs["tile"]
    shape = [kind.shape[a] for a in order]
    slots = assign_slots(f.kernel.nodes, f.kernel.outputs)
    if "shares" not in f.kernel.attrs:
        Walk(f, begin_tasks(f, order, shape, tile), slots).run(f.kernel.nodes)
        return
    reductions = [n for n in f.kernel.nodes if n.op.family == "reduce"]
    if f.has("ones"):
        f.start.line(f"{f.memory('ones')}.fill(1)")
    with begin_shares(f, order, shape, tile, f.kernel.attrs["shares"]) as share:
        walk = Walk(f, share.block, slots)
        for node in f.kernel.nodes:
            if node in reductions:  # here, not at the end: what it reads may be overwritten
                call, number = _reduced(f, share, node, walk), str(reductions.index(node))
                add_to_sum(f, share, call, ufunc=_joining(node), number=number)
            else:
                walk.run((node,))
    for k, node in enumerate(reductions):
        total = add_sums(f, ufunc=_joining(node), number=str(k))
        f.end.line(f"np.copyto({f.arguments[node]}, {total}.reshape({', '.join(map(str, node.shape)) or '()'}))")


def _joining(reduction: Node) -> str:
    """The ufunc that makes one result of two."""
    return REDUCTIONS[reduction.op.name].removesuffix(".reduce")


def _reduced(f: Function, share: Share, node: Node, walk: Walk) -> str:
    """The call that reduces one block, with a gap for its `out`.

    Sums for each channel are a product with ones: numpy itself adds a row at a time, at a fraction of the speed.
    """
    operand = walk.operand(node.inputs[0], node)
    if node.op.name == "reduce_sum" and f.has("ones"):
        rows, columns = share.block.positions, share.block.axes[-1].length
        ones = f.memory("ones") + ("" if rows.isdigit() else f"[:{rows}]")
        return f"np.matmul({ones}, {operand}.reshape({rows}, {columns}), out={{out}}.reshape({columns}))"
    return walk.reduction(node, operand, "{out}")
