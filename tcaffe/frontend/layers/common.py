"""Small compositions that several layer families share."""

from __future__ import annotations

import math

from tcaffe.ir.node import Node
from tcaffe.ir.ops import (
    broadcast,
    const,
    detach,
    exp,
    maximum,
    reduce_max,
    reduce_sum,
    reshape,
    select,
    surrogate,
    tanh,
)


def along(values: Node, like: Node, *axes: int) -> Node:
    """`values` repeated to the shape of `like`, its own axes being `axes` of the result."""
    return values if values.shape == like.shape else broadcast(values, axes=axes, shape=like.shape)


def reshaped(x: Node, shape: tuple[int, ...]) -> Node:
    """The elements of `x` in another shape; `x` itself if it has that shape already."""
    return x if x.shape == shape else reshape(x, shape=shape)


def filled(value: float, like: Node) -> Node:
    """`value` in the shape of `like`."""
    return const(value=float(value), shape=like.shape, dtype=like.type.dtype)


def scaled(x: Node, factor: float) -> Node:
    """`x` times a number; `x` itself for 1."""
    return x if factor == 1 else x * factor


def shifted(x: Node, offset: float) -> Node:
    """`x` plus a number; `x` itself for 0."""
    return x if offset == 0 else x + offset


def rectified(x: Node, negative_slope: float = 0) -> Node:
    """x where it is positive, negative_slope * x elsewhere."""
    return select(x > 0, x, x * negative_slope) if negative_slope else maximum(x, 0)


def sigmoid(x: Node) -> Node:
    """1 / (1 + e^-x), in a form that never overflows."""
    return tanh(x * 0.5) * 0.5 + 0.5


def softmax(x: Node, axis: int) -> Node:
    """e^x over its sum along `axis`; the maximum is taken off first, which changes nothing, and has no gradient."""
    rest = others(x, axis)
    powers = exp(x - along(detach(reduce_max(x, axes=(axis,))), x, *rest))
    return powers / along(reduce_sum(powers, axes=(axis,)), x, *rest)


def sloped(value: Node, x: Node, slope: Node, *axes: int) -> Node:
    """`value`, summed along `axes` of x, with `slope` as its derivative by x."""
    return surrogate(value, reduce_sum(x * detach(slope), axes=axes))


def mean(x: Node, *axes: int) -> Node:
    """The mean over `axes`."""
    return reduce_sum(x, axes=axes) * (1.0 / math.prod(x.shape[a] for a in axes))


def others(x: Node, *axes: int) -> tuple[int, ...]:
    """The axes of `x` that are not `axes`."""
    return tuple(a for a in range(len(x.shape)) if a not in axes)
