"""`tidy_gradients`: what differentiation leaves behind, in fewer steps and with fewer values that must be kept."""

from __future__ import annotations

from collections.abc import Iterator

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.simplify import is_number


def tidy_gradients(graph: Graph) -> Graph:
    """Sums without factors that do not vary, masks where values are few, products without transpositions around."""
    return graph.rewrite(factors_leave_sums, sums_ignore_places, mask_before_unpooling, transposed_product)


def factors_leave_sums(node: Node) -> Node | None:
    """sum(x * y * broadcast(c))  =>  sum(x * y) * c,   where c does not vary along the axes summed over"""
    match node:
        case Node(ops.reduce_sum, (Node(ops.mul | ops.neg) as product,), {"axes": axes}):
            factors = list(_factors(product))
            fixed = [f for f in factors if _fixed_along(f, axes)]
            left = sorted((f for f in factors if f not in fixed), key=lambda f: f.name)
            if not fixed or not left:
                return None
            total = left[0]
            for factor in left[1:]:
                total = total * factor
            total = ops.reduce_sum(total, axes=axes)
            for factor in fixed:
                total = total * _reduced(factor, axes, total)
            return total
    return None


def _factors(node: Node) -> Iterator[Node]:
    """What a product of products is made of; a sign is a factor of -1."""
    match node:
        case Node(ops.mul, (x, y)):
            yield from _factors(x)
            yield from _factors(y)
        case Node(ops.neg, (x,)):
            yield ops.const(value=-1.0, shape=x.shape, dtype=x.type.dtype)
            yield from _factors(x)
        case _:
            yield node


def _fixed_along(node: Node, axes: tuple[int, ...]) -> bool:
    """Whether all elements along `axes` are the same by construction."""
    match node:
        case Node(ops.const, _, {"value": int() | float()}):
            return True
        case Node(ops.broadcast, _, {"axes": kept}):
            return set(kept).isdisjoint(axes)
    return False


def _reduced(factor: Node, axes: tuple[int, ...], like: Node) -> Node:
    """A factor that is fixed along `axes`, in the shape without them."""
    if factor.op is ops.const:
        return ops.const(value=factor.attrs["value"], shape=like.shape, dtype=like.type.dtype)
    left = [a for a in range(len(factor.shape)) if a not in axes]
    return ops.broadcast(factor.inputs[0], axes=tuple(left.index(a) for a in factor.attrs["axes"]), shape=like.shape)


def sums_ignore_places(node: Node) -> Node | None:
    """sum(unpool(g, places))  =>  sum(g),   summed over all axes of the windows: each element goes somewhere"""
    match node:
        case Node(ops.reduce_sum, (Node(ops.unpool, (g, _), window),), {"axes": axes}) if {*window["axes"]} <= {*axes}:
            return ops.reduce_sum(g, axes=axes)
    return None


def mask_before_unpooling(node: Node) -> Node | None:
    """select(y > 0, unpool(g, places of max y), 0)  =>  unpool(select(max y > 0, g, 0), places),   there y is max y"""
    match node:
        case Node(ops.select, (Node(ops.greater, (y, zero)), Node(ops.unpool, (g, places), window), none)) if (
            is_number(zero, 0) and is_number(none, 0) and places.inputs == (y,)
        ):
            attrs = {k: v for k, v in window.items() if k != "shape"}
            largest = ops.pool(y, kind="max", **attrs)
            return ops.unpool(ops.select(largest > 0, g, 0), places, **window)
    return None


def transposed_product(node: Node) -> Node | None:
    """transpose(dot(transpose(x), y))  =>  dot(transpose(y), x),   for any two last axes swapped"""
    match node:
        case Node(ops.transpose, (Node(ops.dot, (x, y)),), {"order": order}) if _swaps_last(order):
            if any(i.op is ops.transpose and _swaps_last(i.attrs["order"]) for i in (x, y)):
                return ops.dot(_swapped(y), _swapped(x))
    return None


def _swaps_last(order: tuple[int, ...]) -> bool:
    last = len(order) - 1
    return order == (*range(last - 1), last, last - 1)


def _swapped(x: Node) -> Node:
    if x.op is ops.transpose and _swaps_last(x.attrs["order"]):
        return x.inputs[0]
    last = len(x.shape) - 1
    return ops.transpose(x, order=(*range(last - 1), last, last - 1))
