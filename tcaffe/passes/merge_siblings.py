"""`merge_siblings`: small convolutions over one image become one bigger convolution."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.simplify import is_number
from tcaffe.passes.static import is_static

WIDE_ENOUGH = 128
"""Filters from which a matrix product over the image is already as quick as it gets: such a branch stays alone."""


@dataclass(frozen=True)
class Branch:
    """One sibling: its convolution, the shift and rectifier behind it, and the value others read."""

    conv: Node
    bias: Node | None
    rectified: bool
    tail: Node


def merge_siblings(graph: Graph) -> Graph:
    """conv(x, v), conv(x, w)  =>  slices of conv(x, concat(v, w)); bias and rectifier go along.

    Only where every branch wants the same treatment and one of them is narrow: the image is then read once and the
    matrix product gets wide enough to run at full speed.
    """
    while group := _next_group(graph):
        graph = graph.substitute(_merged(group))
    return graph


def _next_group(graph: Graph) -> list[Branch]:
    """The first set of siblings worth merging."""
    for image in graph.nodes:
        branches = [_branch(graph, n) for n in graph.uses[image] if _mergeable(n, image)]
        for first in branches:
            group = [b for b in branches if _alike(first, b)]
            if len(group) > 1 and min(b.conv.shape[1] for b in group) < WIDE_ENOUGH:
                return group
    return []


def _mergeable(node: Node, image: Node) -> bool:
    match node:
        case Node(ops.conv, (x, w), {"groups": 1}):
            return x is image and is_static(w) and all(k == 1 for k in w.shape[2:])
    return False


def _alike(a: Branch, b: Branch) -> bool:
    return (
        a.conv.attrs == b.conv.attrs
        and a.conv.inputs[1].shape[1:] == b.conv.inputs[1].shape[1:]
        and (a.bias is None) == (b.bias is None)
        and a.rectified == b.rectified
    )


def _branch(graph: Graph, conv: Node) -> Branch:
    """`conv` with the shift and the rectifier that alone read it."""
    tail, bias, rectified = conv, None, False
    match _only_reader(graph, tail):
        case Node(ops.add, (value, Node(ops.broadcast, (vector,), {"axes": (1,)}))) as total if is_static(vector):
            if value is tail:
                tail, bias = total, vector
    match _only_reader(graph, tail):
        case Node(ops.maximum, (value, n)) as clamped if value is tail and is_number(n, 0):
            tail, rectified = clamped, True
    return Branch(conv, bias, rectified, tail)


def _only_reader(graph: Graph, node: Node) -> Node | None:
    readers = graph.uses[node]
    return readers[0] if len(readers) == 1 and node not in graph.outputs.values() else None


def _merged(group: list[Branch]) -> dict[Node, Node]:
    """What replaces the tail of each branch."""
    convs = [b.conv for b in group]
    name = "+".join(c.name.split(".")[0] for c in convs)
    filters = ops.concat(*(c.inputs[1] for c in convs), axis=0, name=f"{name}.w")
    y = convs[0].with_inputs(convs[0].inputs[0], filters).named(f"{name}.conv")
    if group[0].bias is not None:
        bias = ops.concat(*(b.bias for b in group if b.bias is not None), axis=0, name=f"{name}.b")
        y = ops.add(y, ops.broadcast(bias, shape=y.shape, axes=(1,), name=f"{name}.bias"), name=f"{name}.sum")
    if group[0].rectified:
        y = ops.maximum(y, 0.0, name=f"{name}.relu")
    found, start = {}, 0
    for branch in group:
        width = branch.conv.shape[1]
        begin = (0, start, *(0,) * (len(y.shape) - 2))
        end = (y.shape[0], start + width, *y.shape[2:])
        found[branch.tail] = ops.slice_(y, begin=begin, end=end, name=branch.tail.name)
        start += width
    return found
