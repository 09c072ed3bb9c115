"""`simplify`: the same values from fewer nodes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node, Number


def simplify(graph: Graph) -> Graph:
    """Fold numbers, drop what changes nothing, merge equal nodes. What no output needs is gone by construction."""
    graph = graph.rewrite(
        values_alone,
        fold_numbers,
        drop_neutral,
        drop_unchanged,
        merge_reshapes,
        merge_transposes,
        merge_slices,
        merge_broadcasts,
        reduce_before_repeating,
        sum_the_other_way,
        square_is_a_product,
        clamp_once,
    )
    return merge_equal(graph)


def values_alone(node: Node) -> Node | None:
    """detach(x), surrogate(x, carrier)  =>  x:   what they tell is of no use once gradients are there"""
    match node:
        case Node(ops.detach, (x,)) | Node(ops.surrogate, (x, _)):
            return x
    return None


def number_of(node: Node) -> float | None:
    """The number a constant fills its shape with, or None."""
    match node:
        case Node(ops.const, (), {"value": int() | float() as value}):
            return float(value)
    return None


def is_number(node: Node, value: Number) -> bool:
    """Whether `node` is that number everywhere."""
    return number_of(node) == value


def fold_numbers(node: Node) -> Node | None:
    """f(a, b)  =>  c,   for numbers a and b; a number keeps its value in every shape"""
    values = [number_of(i) for i in node.inputs]
    if not values or None in values:
        return None
    if node.op in (ops.broadcast, ops.reshape, ops.transpose, ops.slice_, ops.concat) and len(set(values)) == 1:
        return constant(values[0], node)
    if node.op.family == "pointwise":
        with np.errstate(all="ignore"):
            dtypes = (i.type.numpy for i in node.inputs)
            operands = [d(v) for d, v in zip(dtypes, values, strict=True)]
            return constant(node.op.reference(*operands, **node.attrs), node)
    return None


def constant(value: Any, like: Node) -> Node:
    """A number in the shape and element type of `like`."""
    return ops.const(value=float(value), shape=like.shape, dtype=like.type.dtype)


def drop_neutral(node: Node) -> Node | None:
    """x + 0, x - 0, x * 1, x / 1, x ** 1  =>  x"""
    match node:
        case Node(ops.add, (x, n)) if is_number(n, 0):
            return x
        case Node(ops.add, (n, x)) if is_number(n, 0):
            return x
        case Node(ops.sub, (x, n)) if is_number(n, 0):
            return x
        case Node(ops.mul, (x, n)) if is_number(n, 1):
            return x
        case Node(ops.mul, (n, x)) if is_number(n, 1):
            return x
        case Node(ops.div | ops.pow_, (x, n)) if is_number(n, 1):
            return x
    return None


def drop_unchanged(node: Node) -> Node | None:
    """reshape, transpose, slice, pad, broadcast, cast or concat that gives back its operand  =>  the operand"""
    match node:
        case Node(ops.reshape | ops.slice_ | ops.pad | ops.broadcast | ops.cast, (x,)) if x.type.same_value(node.type):
            return x
        case Node(ops.transpose, (x,), {"order": order}) if order == tuple(range(len(order))):
            return x
        case Node(ops.concat, (x,)):
            return x
    return None


def merge_reshapes(node: Node) -> Node | None:
    """reshape(reshape(x))  =>  reshape(x)"""
    match node:
        case Node(ops.reshape, (Node(ops.reshape, (x,)),)):
            return ops.reshape(x, shape=node.shape)
    return None


def merge_transposes(node: Node) -> Node | None:
    """transpose(transpose(x, p), q)  =>  transpose(x, p after q)"""
    match node:
        case Node(ops.transpose, (Node(ops.transpose, (x,), {"order": first}),), {"order": then}):
            return ops.transpose(x, order=tuple(first[i] for i in then))
    return None


def merge_slices(node: Node) -> Node | None:
    """slice(slice(x))  =>  slice(x)"""
    match node:
        case Node(ops.slice_, (Node(ops.slice_, (x,), inner),), outer):
            ones = (1,) * len(node.shape)
            strides = inner["stride"] or ones
            begin = tuple(a + b * s for a, b, s in zip(inner["begin"], outer["begin"], strides, strict=True))
            steps = tuple(a * b for a, b in zip(strides, outer["stride"] or ones, strict=True))
            end = tuple(b + (n - 1) * s + 1 if n else b for b, n, s in zip(begin, node.shape, steps, strict=True))
            return ops.slice_(x, begin=begin, end=end, stride=() if steps == ones else steps)
    return None


def merge_broadcasts(node: Node) -> Node | None:
    """broadcast(broadcast(x))  =>  broadcast(x)"""
    match node:
        case Node(ops.broadcast, (Node(ops.broadcast, (x,), {"axes": first}),), {"axes": then}):
            return ops.broadcast(x, shape=node.shape, axes=tuple(then[i] for i in first))
    return None


def reduce_before_repeating(node: Node) -> Node | None:
    """sum(broadcast(x))  =>  broadcast(sum(x)) * how often each number stands there;   max(broadcast(x)) alike"""
    match node:
        case Node(ops.reduce_sum | ops.reduce_max, (Node(ops.broadcast | ops.const, _) as whole,), {"axes": gone}):
            x, axes = (whole.inputs[0], whole.attrs["axes"]) if whole.inputs else (_one_number(whole), ())
            if x is None:
                return None
            left = [a for a in range(len(whole.shape)) if a not in gone]
            inner = tuple(k for k, a in enumerate(axes) if a in gone)
            reduced = node.op(x, axes=inner) if inner else x
            spread = ops.broadcast(reduced, shape=node.shape, axes=tuple(left.index(a) for a in axes if a in left))
            count = math.prod(whole.shape[a] for a in gone if a not in axes)
            return spread * float(count) if node.op is ops.reduce_sum and count != 1 else spread
    return None


def _one_number(node: Node) -> Node | None:
    value = number_of(node)
    return None if value is None else ops.const(value=value, shape=(), dtype=node.type.dtype)


def sum_the_other_way(node: Node) -> Node | None:
    """pool_dx(g), a sum by steps of one  =>  pool(g),   padded by what windows reach beyond the other end"""
    match node:
        case Node(ops.pool_dx, (g,), {"kind": "sum", "axes": axes, "size": size, "stride": stride, "pad": pad}):
            low = tuple(k - 1 - before for k, (before, _) in zip(size, pad, strict=True))
            ends = zip(axes, size, low, strict=True)
            high = tuple(node.shape[a] - g.shape[a] + k - 1 - before for a, k, before in ends)
            if set(stride) == {1} and min(*low, *high) >= 0:
                pads = tuple(zip(low, high, strict=True))
                return ops.pool(g, kind="sum", axes=axes, size=size, stride=stride, pad=pads)
    return None


def square_is_a_product(node: Node) -> Node | None:
    """x ** 2  =>  x * x"""
    match node:
        case Node(ops.pow_, (x, n)) if is_number(n, 2):
            return x * x
    return None


def clamp_once(node: Node) -> Node | None:
    """max(max(x, a), a)  =>  max(x, a),   and the same for min"""
    match node:
        case Node(ops.maximum, (Node(ops.maximum, (_, a)) as inner, b)) if number_of(a) == number_of(b) is not None:
            return inner
        case Node(ops.minimum, (Node(ops.minimum, (_, a)) as inner, b)) if number_of(a) == number_of(b) is not None:
            return inner
    return None


def merge_equal(graph: Graph) -> Graph:
    """One node for all that apply one op to the same inputs (common subexpressions)."""
    first: dict[object, Node] = {}
    done: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = tuple(done[i] for i in node.inputs)
        key = (node.op.name, inputs, tuple(sorted(node.attrs.items())), node.type)
        if node.op.name in ("input", "param"):
            done[node] = node
        else:
            same = node if inputs == node.inputs else node.with_inputs(*inputs)
            done[node] = first.setdefault(key, same)
    return graph.with_outputs({name: done[node] for name, node in graph.outputs.items()})
