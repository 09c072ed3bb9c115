"""Update rules: what each solver takes from a parameter, and what it remembers, in core ops.

Formulas are those of Caffe: the learning rate is part of what SGD and Nesterov remember, delta stands outside the root
but for AdaDelta, and Adam's correction for its start is part of the rate (`Rule.rate`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tcaffe.ir import ops
from tcaffe.ir.node import Node

Memory = tuple[Node, ...]


@dataclass(frozen=True)
class Update:
    """What a gradient g becomes: the `step` that is taken from the parameter, and the new `memory`."""

    step: Node
    memory: Memory


@dataclass(frozen=True)
class Rule:
    """A solver's rule: `memories` arrays per parameter, and `update(settings, g, memory, rate)`.

    `settings` is a SolverParameter; `rate` the learning rate, of g's shape.
    """

    memories: int
    update: Callable[[Any, Node, Memory, Node], Update]
    corrects: bool = False

    def rate(self, settings: Any, rate: float, iteration: int) -> float:
        """The learning rate, corrected for memories that started at zero where the rule is Adam's."""
        if not self.corrects:
            return rate
        t = iteration + 1
        return rate * (1 - settings.momentum2**t) ** 0.5 / (1 - settings.momentum**t)


def sgd(settings: Any, g: Node, memory: Memory, rate: Node) -> Update:
    """V = momentum V + r g, and V is taken."""
    (v,) = memory
    step = v * settings.momentum + g * rate
    return Update(step, (step,))


def nesterov(settings: Any, g: Node, memory: Memory, rate: Node) -> Update:
    """V' = momentum V + r g, and (1 + momentum) V' - momentum V is taken (Nesterov 1983)."""
    (v,) = memory
    new = v * settings.momentum + g * rate
    return Update(new * (1 + settings.momentum) - v * settings.momentum, (new,))


def adagrad(settings: Any, g: Node, memory: Memory, rate: Node) -> Update:
    """H += g^2, and r g / (sqrt(H) + delta) is taken (Duchi et al. 2011)."""
    (h,) = memory
    new = h + g * g
    return Update(g * rate / (ops.sqrt(new) + settings.delta), (new,))


def rmsprop(settings: Any, g: Node, memory: Memory, rate: Node) -> Update:
    """H = decay H + (1 - decay) g^2, and r g / (sqrt(H) + delta) is taken (Tieleman, Hinton 2012)."""
    (h,) = memory
    new = h * settings.rms_decay + g * g * (1 - settings.rms_decay)
    return Update(g * rate / (ops.sqrt(new) + settings.delta), (new,))


def adadelta(settings: Any, g: Node, memory: Memory, rate: Node) -> Update:
    """H as in RMSProp, u = g sqrt((U + delta) / (H + delta)), U the same of u, and r u is taken (Zeiler 2012)."""
    h, past = memory
    new = h * settings.momentum + g * g * (1 - settings.momentum)
    u = g * ops.sqrt((past + settings.delta) / (new + settings.delta))
    return Update(u * rate, (new, past * settings.momentum + u * u * (1 - settings.momentum)))


def adam(settings: Any, g: Node, memory: Memory, rate: Node) -> Update:
    """m and v, the running means of g and g^2, and r m / (sqrt(v) + delta) is taken (Kingma, Ba 2014)."""
    m, v = memory
    mean = m * settings.momentum + g * (1 - settings.momentum)
    square = v * settings.momentum2 + g * g * (1 - settings.momentum2)
    return Update(mean * rate / (ops.sqrt(square) + settings.delta), (mean, square))


RULES: Mapping[str, Rule] = {
    "SGD": Rule(1, sgd),
    "Nesterov": Rule(1, nesterov),
    "AdaGrad": Rule(1, adagrad),
    "RMSProp": Rule(1, rmsprop),
    "AdaDelta": Rule(2, adadelta),
    "Adam": Rule(2, adam, corrects=True),
}
