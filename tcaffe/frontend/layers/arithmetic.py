"""Layers that combine several blobs element by element, or many elements into few."""

from __future__ import annotations

import math
from functools import reduce

from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import abs_, add, concat, maximum, mul, reduce_sum, reshape, top_k


@layer("Eltwise")
def eltwise(x: Node, y: Node, *rest: Node, p: LayerView) -> Node:
    """The product, the weighted sum or the maximum of bottoms of one shape."""
    bottoms = (x, y, *rest)
    for i, other in enumerate(bottoms):
        p.require(other.shape == x.shape, "", f"bottom 0 has shape {list(x.shape)}, bottom {i} has {list(other.shape)}",
                  "all bottoms of Eltwise have one shape; Scale and Bias repeat a smaller one")
    weights: tuple[float, ...] = p.coeff
    p.require(len(weights) in (0, len(bottoms)), "coeff", f"{len(weights)} coefficients for {len(bottoms)} bottoms")
    p.require(not weights or p.operation != "PROD", "coeff", "a product takes no coefficients")
    if p.operation != "SUM":
        return reduce(mul if p.operation == "PROD" else maximum, bottoms)
    return reduce(add, (b if w == 1 else b * w for b, w in zip(bottoms, weights or (1.0,) * len(bottoms), strict=True)))


@layer("Reduction")
def reduction(x: Node, p: LayerView) -> Node:
    """The sum, mean, sum of magnitudes or sum of squares over all axes from p.axis on."""
    axes = tuple(range(p.axis_of(x), len(x.shape)))
    terms = {"ASUM": abs_, "SUMSQ": lambda v: v * v}.get(p.operation, lambda v: v)(x)
    total = reduce_sum(terms, axes=axes)
    weight = p.coeff / (math.prod(x.shape[a] for a in axes) if p.operation == "MEAN" else 1)
    return total if weight == 1 else total * weight


@layer("ArgMax")
def arg_max(x: Node, p: LayerView) -> Node:
    """Where the p.top_k largest elements are, along an axis or in each whole item; with out_max_val also what they are."""
    p.require(p.top_k > 0, "top_k", "top_k must be at least 1")
    if p.has("axis"):
        axis = p.axis_of(x)
        _check_candidates(p, x.shape[axis])
        return top_k(x, k=p.top_k, axis=axis, what="value" if p.out_max_val else "index")
    p.require(bool(x.shape), "", "a blob without axes has no items")
    flat = reshape(x, shape=(x.shape[0], math.prod(x.shape[1:])))
    _check_candidates(p, flat.shape[1])
    shape = (x.shape[0], 1, p.top_k) + (1,) * (len(x.shape) - 3)
    found = [reshape(top_k(flat, k=p.top_k, axis=1, what=what), shape=shape) for what in ("index", "value")]
    return concat(*found, axis=1) if p.out_max_val else found[0]


def _check_candidates(p: LayerView, count: int) -> None:
    p.require(p.top_k <= count, "top_k", f"top_k is {p.top_k}, there are {count} elements to choose from")
