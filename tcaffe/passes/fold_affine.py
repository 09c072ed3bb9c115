"""`fold_affine`: what scales and shifts channels becomes part of the weights next to it."""

from __future__ import annotations

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, Owned
from tcaffe.ir.node import Node
from tcaffe.passes.simplify import number_of
from tcaffe.passes.static import is_static


def fold_affine(graph: Graph) -> Graph:
    """At deployment BatchNorm, Scale, Bias and Power vanish into the convolution, deconvolution or dot before them."""
    return graph.rewrite_owned(
        subtract_is_add,
        divide_is_multiply,
        scale_passes_shift,
        scales_merge,
        shifts_merge,
        scale_enters_filters,
        scale_leaves_image,
        shift_leaves_image,
    )


def channels(node: Node) -> Node | None:
    """The vector v, one number per channel and known before the run, if `node` is broadcast(v, axes=[1])."""
    match node:
        case Node(ops.broadcast, (vector,), {"axes": (1,)}) if is_static(vector):
            return vector
    if len(node.shape) > 1 and (value := number_of(node)) is not None:
        return ops.const(value=value, shape=node.shape[1:2], dtype=node.type.dtype)
    return None


def scale(vector: Node, y: Node, at: Node) -> Node:
    """y times one number per channel, named after the layer of `at`."""
    return y * _spread(vector, y, at, "scale")


def shift(vector: Node, y: Node, at: Node) -> Node:
    """y plus one number per channel, named after the layer of `at`."""
    return y + _spread(vector, y, at, "shift")


def _spread(vector: Node, like: Node, at: Node, role: str) -> Node:
    layer = at.name.split(".")[0]
    name = f"{layer}.{role}" if layer else role
    value = vector.named(name) if vector.inputs else vector
    return ops.broadcast(value, shape=like.shape, axes=(1,), name=f"{name}.spread")


def subtract_is_add(node: Node, owned: Owned) -> Node | None:
    """x - b  =>  x + (-b)"""
    match node:
        case Node(ops.sub, (x, b)) if (vector := channels(b)) is not None and channels(x) is None:
            return shift(-vector, x, node)
    return None


def divide_is_multiply(node: Node, owned: Owned) -> Node | None:
    """x / s  =>  x * (1 / s)"""
    match node:
        case Node(ops.div, (x, s)) if (vector := channels(s)) is not None and channels(x) is None:
            return scale(1.0 / vector, x, node)
    return None


def scale_passes_shift(node: Node, owned: Owned) -> Node | None:
    """(y + b) * s  =>  y * s + b * s"""
    match node:
        case Node(ops.mul, (Node(ops.add, (y, b)) as total, s)) if owned(total):
            offset, factor = channels(b), channels(s)
            if offset is not None and factor is not None:
                return shift(offset * factor, scale(factor, y, node), node)
    return None


def scales_merge(node: Node, owned: Owned) -> Node | None:
    """(y * s) * t  =>  y * (s * t)"""
    match node:
        case Node(ops.mul, (Node(ops.mul, (y, s)) as product, t)) if owned(product):
            first, then = channels(s), channels(t)
            if first is not None and then is not None:
                return scale(first * then, y, node)
    return None


def shifts_merge(node: Node, owned: Owned) -> Node | None:
    """(y + b) + c  =>  y + (b + c)"""
    match node:
        case Node(ops.add, (Node(ops.add, (y, b)) as total, c)) if owned(total):
            first, then = channels(b), channels(c)
            if first is not None and then is not None:
                return shift(first + then, y, node)
    return None


def scale_enters_filters(node: Node, owned: Owned) -> Node | None:
    """conv(x, w) * s  =>  conv(x, w * s),   and the same for conv_dx and dot"""
    match node:
        case Node(ops.mul, (Node(ops.conv | ops.conv_dx | ops.dot, (x, w)) as product, s)):
            factor, axis = channels(s), 0 if product.op is ops.conv else 1
            if factor is None or not (owned(product) and is_static(w)) or w.shape[axis] != factor.shape[0]:
                return None
            if product.op is not ops.dot or len(product.shape) == 2:
                return product.with_inputs(x, scaled(w, factor, axis))
    return None


def scale_leaves_image(node: Node, owned: Owned) -> Node | None:
    """conv(x * s, w)  =>  conv(x, w * s)"""
    match node:
        case Node(ops.conv, (Node(ops.mul, (x, s)) as image, w), {"groups": 1}) if owned(image) and is_static(w):
            factor = channels(s)
            if factor is not None:
                return node.with_inputs(x, scaled(w, factor, 1))
    return None


def shift_leaves_image(node: Node, owned: Owned) -> Node | None:
    """conv(x + b, w)  =>  conv(x, w) + sum of w * b,   where no padding meets the filters"""
    match node:
        case Node(ops.conv, (Node(ops.add, (x, b)) as image, w), {"groups": 1, "pad": pad}) if owned(image):
            offset = channels(b)
            if offset is not None and is_static(w) and not any(pad):
                share = ops.reduce_sum(scaled(w, offset, 1), axes=tuple(range(1, len(w.shape))))
                return shift(share, node.with_inputs(x, w), node)
    return None


def scaled(w: Node, factor: Node, axis: int) -> Node:
    """Filters times one number per index of `axis`, under the filters' name."""
    return (w * ops.broadcast(factor, shape=w.shape, axes=(axis,))).named(w.name)
