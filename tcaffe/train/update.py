"""Updates in core ops: from gradients to the next values of parameters, and of what the rule remembers of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tcaffe.frontend.lower import Lowered
from tcaffe.frontend.sharing import Parameter
from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.train.rules import RULES

RATE = "(rate)"
"""The input, f32[], that the learning rate of the iteration is fed to."""


@dataclass(frozen=True)
class Remembered:
    """A parameter, and nodes for what is remembered of it, in the order of Caffe's history."""

    parameter: Parameter
    memory: tuple[Node, ...]

    @property
    def node(self) -> Node:
        """The parameter itself."""
        return self.parameter.node

    @property
    def learns(self) -> bool:
        """Whether it changes at all. What does not is remembered as zeros, for snapshots hold it."""
        return self.parameter.learned and self.parameter.lr_mult != 0


def remembered(lowered: Lowered, settings: Any) -> tuple[Remembered, ...]:
    """The parameters of a net that a snapshot has a history of: all that Caffe knows as parameters."""
    count = RULES[settings.type].memories
    taken = {p.node.name for p in lowered.parameters}
    return tuple(
        Remembered(p, tuple(_memory(p.node, k, taken) for k in range(count)))
        for p in lowered.parameters
        if p.index is not None
    )


def memories(found: Sequence[Remembered]) -> list[Node]:
    """What is remembered, in the order of a .solverstate: the first of all parameters, then the second."""
    return [node for row in zip(*(l.memory for l in found), strict=True) for node in row]


@dataclass(frozen=True)
class Updates:
    """One update: the `next` values of parameters and memories by what they are now, and the `steps` of parameters."""

    next: Mapping[Node, Node]
    steps: Mapping[Node, Node]

    @property
    def outputs(self) -> dict[str, Node]:
        """The outputs of a graph that makes the update, each named like what it replaces, with a prime."""
        return assigned(self.next)


def assigned(values: Mapping[Node, Node]) -> dict[str, Node]:
    """Outputs that give parameters these next values."""
    return {f"{old.name}'": ops.assign(old, new) for old, new in values.items()}


def updates(settings: Any, found: Sequence[Remembered], gradients: Mapping[Node, Node]) -> Updates:
    """The update that a solver makes of gradients, in Caffe's order.

    They are clipped together, divided by iter_size, decayed, and only then become steps.
    """
    rate = ops.input_(shape=(), name=RATE)
    clipped = _clipped(settings, gradients)
    following: dict[Node, Node] = {}
    steps: dict[Node, Node] = {}
    for each in (each for each in found if each.learns):
        w, p = each.node, each.parameter
        g = clipped[w] if w in clipped else ops.const(value=0.0, shape=w.shape)
        g = _decayed(settings, p, g * (1 / settings.iter_size) if settings.iter_size > 1 else g)
        local = _spread(rate if p.lr_mult in (None, 1) else rate * p.lr_mult, w)
        update = RULES[settings.type].update(settings, g, each.memory, local)
        steps[w] = update.step
        following |= {w: w - update.step, **dict(zip(each.memory, update.memory, strict=True))}
    return Updates(following, steps)


def _memory(w: Node, index: int, taken: set[str]) -> Node:
    name = f"{w.name}.memory{index or ''}"
    while name in taken:
        name += "'"
    taken.add(name)
    return ops.param(shape=w.shape, name=name)


def _clipped(settings: Any, gradients: Mapping[Node, Node]) -> Mapping[Node, Node]:
    """The gradients, scaled so that all together are no longer than `clip_gradients`."""
    if settings.clip_gradients < 0 or not gradients:
        return gradients
    squares = [ops.reduce_sum(g * g, axes=tuple(range(len(g.shape)))) for g in gradients.values()]
    length = ops.sqrt(sum(squares[1:], squares[0]))
    limit = ops.const(value=settings.clip_gradients, shape=())
    factor = ops.select(ops.greater(length, limit), limit / length, ops.const(value=1.0, shape=()))
    return {w: g * _spread(factor, g) for w, g in gradients.items()}


def _decayed(settings: Any, p: Parameter, g: Node) -> Node:
    """The gradient of the loss and of what keeps parameters small."""
    decay = settings.weight_decay * (1 if p.decay_mult is None else p.decay_mult)
    if not decay:
        return g
    w = p.node
    if settings.regularization_type == "L2":
        return g + w * decay
    return g + ops.sign(w) * decay


def _spread(number: Node, like: Node) -> Node:
    return ops.broadcast(number, shape=like.shape, axes=()) if like.shape else number

