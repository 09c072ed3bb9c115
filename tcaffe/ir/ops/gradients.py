"""Gradients: for every core op, how the gradient of its result becomes those of its operands.

A rule is given a node and the gradient `g` of its value, and returns a gradient for each operand, None for one that
has none. Where an op has no derivative (a kink, a tie) the rule says which side it takes; the choices are Caffe's.
"""

from __future__ import annotations

from collections.abc import Callable

from tcaffe.ir import ops
from tcaffe.ir.node import CoreOp, Node

Rule = Callable[[Node, Node], tuple[Node | None, ...]]
GRADIENTS: dict[CoreOp, Rule] = {}
NO_GRADIENT = frozenset(
    (
        *(ops.input_, ops.param, ops.const, ops.iota),  # they have no operands
        ops.random,  # its operand is a key
        *(ops.sign, ops.floor, ops.greater, ops.equal, ops.top_k, ops.pool_tap),  # their derivative is zero
        *(ops.detach, ops.unpool),  # none is wanted: nobody differentiates the gradient of a pool
    )
)
"""Ops that no gradient passes."""


def gradient(*named: CoreOp) -> Callable[[Rule], Rule]:
    """Declare the rule of some ops."""

    def define(rule: Rule) -> Rule:
        GRADIENTS.update(dict.fromkeys(named, rule))
        return rule

    return define


@gradient(ops.add)
def _add(node: Node, g: Node) -> tuple[Node | None, ...]:
    return g, g


@gradient(ops.sub)
def _sub(node: Node, g: Node) -> tuple[Node | None, ...]:
    return g, -g


@gradient(ops.mul)
def _mul(node: Node, g: Node) -> tuple[Node | None, ...]:
    x, y = node.inputs
    return g * y, g * x


@gradient(ops.div)
def _div(node: Node, g: Node) -> tuple[Node | None, ...]:
    y = node.inputs[1]
    return g / y, -(g * node / y)


@gradient(ops.neg)
def _neg(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (-g,)


@gradient(ops.pow_)
def _pow(node: Node, g: Node) -> tuple[Node | None, ...]:
    x, y = node.inputs
    return g * y * ops.pow_(x, y - 1), None if y.op is ops.const else g * node * ops.log(x)


@gradient(ops.maximum)
def _maximum(node: Node, g: Node) -> tuple[Node | None, ...]:
    """A tie goes to y: the gradient of max(x, 0) at 0 is 0. Where x is larger the result is, so x need not be kept."""
    y = node.inputs[1]
    return ops.select(node > y, g, 0), ops.select(node > y, 0, g)


@gradient(ops.minimum)
def _minimum(node: Node, g: Node) -> tuple[Node | None, ...]:
    """A tie goes to x: min(x, 0) has the gradient that max(x, 0) has not."""
    x, y = node.inputs
    return ops.select(x > y, 0, g), ops.select(x > y, g, 0)


@gradient(ops.exp)
def _exp(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (g * node,)


@gradient(ops.log)
def _log(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (g / node.inputs[0],)


@gradient(ops.sqrt)
def _sqrt(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (g * 0.5 / node,)


@gradient(ops.abs_)
def _abs(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (g * ops.sign(node.inputs[0]),)


@gradient(ops.tanh)
def _tanh(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (g * (1 - node * node),)


@gradient(ops.select)
def _select(node: Node, g: Node) -> tuple[Node | None, ...]:
    condition = node.inputs[0]
    return None, ops.select(condition, g, 0), ops.select(condition, 0, g)


@gradient(ops.cast)
def _cast(node: Node, g: Node) -> tuple[Node | None, ...]:
    x = node.inputs[0]
    return (ops.cast(g, dtype=x.type.dtype) if x.type.is_float and node.type.is_float else None,)


@gradient(ops.surrogate)
def _surrogate(node: Node, g: Node) -> tuple[Node | None, ...]:
    return None, g


@gradient(ops.assign)
def _assign(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (None, g)


@gradient(ops.keep)
def _keep(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (g,)


@gradient(ops.reshape)
def _reshape(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (ops.reshape(g, shape=node.inputs[0].shape),)


@gradient(ops.transpose)
def _transpose(node: Node, g: Node) -> tuple[Node | None, ...]:
    order = node.attrs["order"]
    return (ops.transpose(g, order=tuple(order.index(i) for i in range(len(order)))),)


@gradient(ops.broadcast)
def _broadcast(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (ops.reduce_sum(g, axes=tuple(a for a in range(len(node.shape)) if a not in node.attrs["axes"])),)


@gradient(ops.slice_)
def _slice(node: Node, g: Node) -> tuple[Node | None, ...]:
    """Zeros around, and zeros between where every stride-th element was taken."""
    x, begin, stride = node.inputs[0], node.attrs["begin"], node.attrs["stride"]
    if stride:
        axes = tuple(range(len(stride)))
        spread = tuple(max(n - 1, 0) * s + min(n, 1) for n, s in zip(g.shape, stride, strict=True))
        one, none = (1,) * len(axes), ((0, 0),) * len(axes)
        g = ops.pool_dx(g, kind="sum", axes=axes, size=one, stride=stride, pad=none, shape=spread)
    high = tuple(n - b - m for n, b, m in zip(x.shape, begin, g.shape, strict=True))
    return (ops.pad(g, low=begin, high=high),)


@gradient(ops.pad)
def _pad(node: Node, g: Node) -> tuple[Node | None, ...]:
    low = node.attrs["low"]
    return (ops.slice_(g, begin=low, end=tuple(b + n for b, n in zip(low, node.inputs[0].shape, strict=True))),)


@gradient(ops.concat)
def _concat(node: Node, g: Node) -> tuple[Node | None, ...]:
    axis, start, parts = node.attrs["axis"], 0, []
    for x in node.inputs:
        begin, end = [0] * len(g.shape), list(g.shape)
        begin[axis], end[axis] = start, start + x.shape[axis]
        parts.append(ops.slice_(g, begin=begin, end=end))
        start = end[axis]
    return tuple(parts)


@gradient(ops.reduce_sum)
def _reduce_sum(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (_restored(g, node),)


@gradient(ops.reduce_max)
def _reduce_max(node: Node, g: Node) -> tuple[Node | None, ...]:
    """All that are the largest take it."""
    largest = ops.equal(node.inputs[0], _restored(node, node))
    return (ops.select(largest, _restored(g, node), 0),)


def _restored(value: Node, reduction: Node) -> Node:
    """`value` repeated along the axes that `reduction` took away."""
    shape, gone = reduction.inputs[0].shape, reduction.attrs["axes"]
    return ops.broadcast(value, axes=tuple(a for a in range(len(shape)) if a not in gone), shape=shape)


@gradient(ops.pool)
def _pool(node: Node, g: Node) -> tuple[Node | None, ...]:
    """The first of the largest elements of a window takes the gradient of a `max`."""
    x, window = node.inputs[0], {k: v for k, v in node.attrs.items() if k != "kind"}
    match node.attrs["kind"]:
        case "max":
            return (ops.unpool(g, ops.pool_tap(x, **window), shape=x.shape, **window),)
        case "sum" | "average" as kind:
            return (ops.pool_dx(g, kind=kind, shape=x.shape, **window),)
    return (None,)


@gradient(ops.pool_dx)
def _pool_dx(node: Node, g: Node) -> tuple[Node | None, ...]:
    return (ops.pool(g, **{k: v for k, v in node.attrs.items() if k != "shape"}),)


@gradient(ops.dot)
def _dot(node: Node, g: Node) -> tuple[Node | None, ...]:
    x, y = node.inputs
    *lead, row, column = range(len(g.shape))
    swapped = (*lead, column, row)
    return ops.dot(g, ops.transpose(y, order=swapped)), ops.dot(ops.transpose(x, order=swapped), g)


@gradient(ops.conv)
def _conv(node: Node, g: Node) -> tuple[Node | None, ...]:
    x, w = node.inputs
    if len(x.shape) == 2:
        return _conv_without_axes(node, g)
    return ops.conv_dx(g, w, shape=x.shape, **node.attrs), ops.conv_dw(x, g, shape=w.shape, **node.attrs)


def _conv_without_axes(node: Node, g: Node) -> tuple[Node | None, ...]:
    """Images without spatial axes get one of length 1, so that the transposes have windows to slide."""
    x, w, g = (ops.reshape(v, shape=(*v.shape, 1)) for v in (*node.inputs, g))
    attrs = {"stride": (1,), "pad": (0,), "dilation": (1,), "groups": node.attrs["groups"]}
    dx, dw = ops.conv_dx(g, w, shape=x.shape, **attrs), ops.conv_dw(x, g, shape=w.shape, **attrs)
    return ops.reshape(dx, shape=x.shape[:2]), ops.reshape(dw, shape=w.shape[:2])


@gradient(ops.conv_dx)
def _conv_dx(node: Node, g: Node) -> tuple[Node | None, ...]:
    x, w = node.inputs
    attrs = {k: v for k, v in node.attrs.items() if k != "shape"}
    return ops.conv(g, w, **attrs), ops.conv_dw(g, x, shape=w.shape, **attrs)


@gradient(ops.conv_dw)
def _conv_dw(node: Node, g: Node) -> tuple[Node | None, ...]:
    x, y = node.inputs
    attrs = {k: v for k, v in node.attrs.items() if k != "shape"}
    return ops.conv_dx(y, g, shape=x.shape, **attrs), ops.conv(x, g, **attrs)


@gradient(ops.gather)
def _gather(node: Node, g: Node) -> tuple[Node | None, ...]:
    x, index = node.inputs
    axis = node.attrs["axis"]
    return ops.scatter_add(g, index, axis=axis, size=x.shape[axis]), None


@gradient(ops.scatter_add)
def _scatter_add(node: Node, g: Node) -> tuple[Node | None, ...]:
    return ops.gather(g, node.inputs[1], axis=node.attrs["axis"]), None
