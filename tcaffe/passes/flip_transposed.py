"""`flip_transposed`: a transposed convolution by steps of one is a convolution with its filters turned round."""

from __future__ import annotations

from tcaffe.ir import ops
from tcaffe.ir.geometry import mirrored
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.static import is_static


def flip_transposed(graph: Graph) -> Graph:
    """Convolutions are what the backends do best: they sum in registers where overlapping windows sum in memory."""
    return graph.rewrite(steps_of_one)


def steps_of_one(node: Node) -> Node | None:
    """conv_dx(g, w) by steps of one  =>  conv(g, w with its taps reversed), padded by what the window reaches beyond"""
    match node:
        case Node(ops.conv_dx, (g, w), {"stride": stride, "dilation": dilation, "groups": groups}) if is_static(w):
            if geo := mirrored(node):
                return ops.conv(g, flipped(w, groups), stride=stride, pad=geo.pad, dilation=dilation, groups=groups)
    return None


def flipped(w: Node, groups: int) -> Node:
    """Filters [O, C/groups, ...] as [C, O/groups, ...], their taps in reverse."""
    per_group = (groups, w.shape[0] // groups, *w.shape[1:])
    swapped = ops.transpose(ops.reshape(w, shape=per_group), order=(0, 2, 1, *range(3, len(per_group))))
    w = ops.reshape(swapped, shape=(groups * w.shape[1], w.shape[0] // groups, *w.shape[2:]), name=w.name)
    for axis in range(2, len(w.shape)):
        size = w.shape[axis]
        if size > 1:
            back = ops.const(value=tuple(range(size - 1, -1, -1)), shape=(size,), dtype="i32")
            w = ops.gather(w, back, axis=axis, name=w.name)
    return w
