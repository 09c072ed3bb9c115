"""Layers that combine several blobs element by element, or many elements into few."""

from __future__ import annotations

import math
from functools import reduce

from tcaffe.frontend.layers.common import along, reshaped
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import MOST_AXES, LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import abs_, add, concat, maximum, mul, reduce_sum, reshape, top_k


@layer("Eltwise")
def eltwise(x: Node, y: Node, *rest: Node, p: LayerView) -> Node:
    """The product, the weighted sum or the maximum of bottoms of one shape.

    The gradient of a maximum goes to one bottom: of the first two that are equal to the second, else to the earlier.
    """
    bottoms = (x, y, *rest)
    p.require_alike(bottoms, note="all bottoms have one shape; Scale and Bias repeat a smaller one")
    weights: tuple[float, ...] = p.coeff
    p.require(len(weights) in (0, len(bottoms)), "coeff", f"{len(weights)} coefficients for {len(bottoms)} bottoms")
    p.require(not weights or p.operation != "PROD", "coeff", "a product takes no coefficients")
    if p.operation == "PROD":
        return reduce(mul, bottoms)
    if p.operation == "MAX":
        return reduce(lambda largest, z: maximum(z, largest), rest, maximum(x, y))
    return reduce(add, (b if w == 1 else b * w for b, w in zip(bottoms, weights or (1.0,) * len(bottoms), strict=True)))


@layer("Axpy")
def axpy(a: Node, x: Node, y: Node, p: LayerView) -> Node:
    """a * x + y with one factor a for each item and channel; from the fork of SENet."""
    p.require_axes(x, 2, MOST_AXES)
    p.require_alike((x, y), note="the last two bottoms have one shape")
    factors = a.shape[:2] == x.shape[:2] and a.type.size == x.shape[0] * x.shape[1]
    shapes = f"bottom 0 has shape {list(a.shape)}, bottom 1 has {list(x.shape)}"
    p.require(factors, "", shapes, "there is one factor for each item and channel")
    return along(reshaped(a, a.shape[:2]), x, 0, 1) * x + y


@layer("Reduction")
def reduction(x: Node, p: LayerView) -> Node:
    """The sum, mean, sum of magnitudes or sum of squares over all axes from p.axis on."""
    axes = tuple(range(p.axis_of(x), len(x.shape)))
    terms = {"ASUM": abs_(x), "SUMSQ": x * x}.get(p.operation, x)
    total = reduce_sum(terms, axes=axes)
    weight = p.coeff / (math.prod(x.shape[a] for a in axes) if p.operation == "MEAN" else 1)
    return total if weight == 1 else total * weight


@layer("ArgMax")
def arg_max(x: Node, p: LayerView) -> Node:
    """Where the p.top_k largest elements are along an axis, or in each whole item; with out_max_val what they are."""
    if p.has("axis"):
        return _best(x, p, p.axis_of(x), "value" if p.out_max_val else "index")
    p.require_axes(x, 1, MOST_AXES)
    flat = reshape(x, shape=(x.shape[0], math.prod(x.shape[1:])))
    shape = (x.shape[0], 1, p.top_k) + (1,) * (len(x.shape) - 3)
    found = [reshape(_best(flat, p, 1, what), shape=shape) for what in ("index", "value")[: 1 + p.out_max_val]]
    return concat(*found, axis=1) if p.out_max_val else found[0]


def _best(x: Node, p: LayerView, axis: int, what: str) -> Node:
    """The `index` or `value` of the p.top_k largest elements along an axis, the largest first."""
    fits = p.positive("top_k") <= x.shape[axis]
    p.require(fits, "top_k", f"top_k is {p.top_k}, there are {x.shape[axis]} elements to choose from")
    return top_k(x, k=p.top_k, axis=axis, what=what)
