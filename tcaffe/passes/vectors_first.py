"""`vectors_first`: what is the same for all pixels of a channel is worked out once a channel."""

from __future__ import annotations

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, Owned
from tcaffe.ir.node import Node
from tcaffe.passes.simplify import number_of


def vectors_first(graph: Graph) -> Graph:
    """Fewer steps over whole images: factors are multiplied with each other first, masks compare what they must."""
    return graph.rewrite_owned(factors_first, twice_is_a_factor, mask_ignores_clamp, mask_without_shift)


def factors_first(node: Node, owned: Owned) -> Node | None:
    """x * a * b  =>  x * (a * b),   for vectors a and b that stand along the same axes, or numbers"""
    outer = _scaled(node)
    inner = _scaled(outer[0]) if outer and owned(outer[0]) else None
    if outer is None or inner is None:
        return None
    factor = _times(inner[1], outer[1])
    return None if factor is None else inner[0] * factor


def twice_is_a_factor(node: Node, owned: Owned) -> Node | None:
    """x * a + x * a  =>  x * (a * 2)"""
    match node:
        case Node(ops.add, (x, y)) if x is y and (scaled := _scaled(x)) is not None:
            factor = _times(scaled[1], ops.const(value=2.0, shape=x.shape, dtype=x.type.dtype))
            return None if factor is None else scaled[0] * factor
    return None


def mask_ignores_clamp(node: Node, owned: Owned) -> Node | None:
    """max(x, a) > b  =>  x > b,   for numbers a <= b"""
    match node:
        case Node(ops.greater, (Node(ops.maximum, (x, low)) as clamped, bound)) if owned(clamped):
            a, b = number_of(low), number_of(bound)
            return x > bound if a is not None and b is not None and a <= b else None
    return None


def mask_without_shift(node: Node, owned: Owned) -> Node | None:
    """x + a > 0  =>  x > -a,   for a vector a: a sum of floats is zero only where they are opposite"""
    match node:
        case Node(ops.greater, (Node(ops.add, (x, Node(ops.broadcast, (a,), spread))) as shifted, zero)) if (
            number_of(zero) == 0 and owned(shifted) and x.type.dtype.startswith("f") and not _fixed(x)
        ):
            return x > ops.broadcast(-a, **spread)
    return None


def _scaled(node: Node) -> tuple[Node, Node] | None:
    """What varies and what does not of a product of both."""
    match node:
        case Node(ops.mul, (x, a)) if _fixed(a) and not _fixed(x):
            return x, a
        case Node(ops.mul, (a, x)) if _fixed(a) and not _fixed(x):
            return x, a
    return None


def _fixed(node: Node) -> bool:
    return node.op is ops.broadcast or number_of(node) is not None


def _times(a: Node, b: Node) -> Node | None:
    """The product of two fixed factors, made before it is repeated."""
    match a, b:
        case Node(ops.broadcast, (v,), spread), Node(ops.broadcast, (w,), other) if v.shape == w.shape:
            return ops.broadcast(v * w, **spread) if spread == other else None
        case Node(ops.broadcast, (v,), spread), Node(ops.const):
            return ops.broadcast(v * ops.const(value=b.attrs["value"], shape=v.shape, dtype=v.type.dtype), **spread)
        case Node(ops.const), Node(ops.broadcast):
            return _times(b, a)
    return None
