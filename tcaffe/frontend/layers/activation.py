"""Element-wise layers: each element of the top from the same element of the bottom."""

from __future__ import annotations

import math

import numpy as np

from tcaffe.frontend.layers.common import along, filled, rectified, scaled, shifted, sigmoid
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import abs_, cast, const, detach, exp, log, maximum, minimum, pow_, select, surrogate, tanh


@layer("AbsVal", in_place=False)
def absolute(x: Node, p: LayerView) -> Node:
    """|x|."""
    return abs_(x)


@layer("BNLL")
def bnll(x: Node, p: LayerView) -> Node:
    """log(1 + e^x), the binomial normal log likelihood, without overflow; its gradient is the sigmoid of x."""
    return surrogate(maximum(x, 0) + log(exp(-abs_(x)) + 1), x * detach(sigmoid(x)))


@layer("Clip")
def clip(x: Node, p: LayerView) -> Node:
    """x held between p.min and p.max; the gradient passes at both of them."""
    inside = select(x > p.max, filled(p.max, x), select(p.min > x, filled(p.min, x), x))
    return surrogate(maximum(minimum(x, p.max), p.min), inside)


@layer("ELU")
def elu(x: Node, p: LayerView) -> Node:
    """x for x > 0, alpha * (e^x - 1) otherwise."""
    return select(x > 0, x, (exp(minimum(x, 0)) - 1) * p.alpha)


@layer("Exp")
def exponential(x: Node, p: LayerView) -> Node:
    """base^(shift + scale * x); a base of -1 stands for e."""
    log_base = _log_base(p)
    with np.errstate(over="ignore"):
        factor = float(np.exp(p.shift * log_base))
    return scaled(exp(scaled(x, p.scale * log_base)), factor)


@layer("Log")
def logarithm(x: Node, p: LayerView) -> Node:
    """The logarithm of shift + scale * x; a base of -1 stands for e."""
    log_base = _log_base(p)
    p.require(log_base != 0, "base", "there is no logarithm of base 1")
    return scaled(log(shifted(scaled(x, p.scale), p.shift)), 1 / log_base)


@layer("Power")
def power(x: Node, p: LayerView) -> Node:
    """(shift + scale * x)^power."""
    if p.power * p.scale == 0:
        with np.errstate(all="ignore"):
            return const(value=float(np.power(p.shift, p.power)), shape=x.shape)
    line = shifted(scaled(x, p.scale), p.shift)
    return line if p.power == 1 else pow_(line, p.power)


@layer("PReLU")
def prelu(x: Node, p: LayerView) -> Node:
    """x for x > 0, a learned slope times x otherwise; one slope a channel, or one for all."""
    p.require_axes(x, 2, 4)
    shape, axes = ((), ()) if p.channel_shared else ((x.shape[1],), (1,))
    slope = p.blob("slope", shape, p.filler if p.has("filler") else p.constant(0.25))
    return select(x > 0, x, x * along(slope, x, *axes))


@layer("ReLU")
def relu(x: Node, p: LayerView) -> Node:
    """x for x > 0, negative_slope * x otherwise; at most 6 where the fork's field relu6 says so."""
    y = rectified(x, p.negative_slope)
    return minimum(y, 6) if p.foreign("relu6", False) else y


@layer("ReLU6")
def relu6(x: Node, p: LayerView) -> Node:
    """x held between 0 and 6; from the ports of MobileNet."""
    return minimum(maximum(x, 0), 6)


@layer("Sigmoid")
def logistic(x: Node, p: LayerView) -> Node:
    """1 / (1 + e^-x)."""
    return sigmoid(x)


@layer("Swish")
def swish(x: Node, p: LayerView) -> Node:
    """x * sigmoid(beta * x)."""
    return x * sigmoid(scaled(x, p.beta))


@layer("TanH")
def hyperbolic_tangent(x: Node, p: LayerView) -> Node:
    """tanh(x)."""
    return tanh(x)


@layer("Threshold")
def threshold(x: Node, p: LayerView) -> Node:
    """1 where x > threshold, 0 elsewhere."""
    return cast(x > p.threshold, dtype=x.type.dtype)


def _log_base(p: LayerView) -> float:
    """The natural logarithm of p.base."""
    if p.base == -1:
        return 1.0
    p.require(0 < p.base < math.inf, "base", f"the base must be positive, not {p.base}", "-1 stands for e")
    return math.log(p.base)
