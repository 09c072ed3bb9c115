"""Names of values: after the blobs and layers of the prototxt, each used once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tcaffe.ir.node import Node


class Names:
    """Gives out names, each only once. `reserved` ones belong to those that know they do and need not ask."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = set(reserved)
        self._tried: dict[str, int] = {}

    def unique(self, wanted: str) -> str:
        """`wanted`, or `wanted'1`, `wanted'2` ... if it is taken."""
        name, k = wanted, self._tried.get(wanted, 0)
        while name in self._taken:
            k += 1
            name = f"{wanted}'{k}"
        self._tried[wanted] = k
        self._taken.add(name)
        return name


def name_values(
    values: Sequence[Node], wanted: Sequence[str], bottoms: Sequence[Node], names: Names
) -> tuple[Node, ...]:
    """A layer's `values` under the `wanted` names, and everything it computes on the way under a name of its own.

    A value that is one of the layer's bottoms, an input or a parameter keeps the name it has.
    """
    chosen: dict[Node, str] = {}
    for value, name in zip(values, wanted, strict=True):
        chosen.setdefault(value, name)
    done: dict[Node, Node] = {bottom: bottom for bottom in bottoms}
    for node in _computed(values, done):
        if node.op.name in ("input", "param"):
            done[node] = node
        else:
            inputs = tuple(done[i] for i in node.inputs)
            done[node] = replace(node, inputs=inputs, name=chosen.get(node) or names.unique(node.name))
    return tuple(done[value] for value in values)


def _computed(values: Sequence[Node], known: Iterable[Node]) -> tuple[Node, ...]:
    """Everything between `known` values and `values`, each node after its inputs."""
    order: dict[Node, None] = {}
    known = set(known)
    stack = [(value, False) for value in reversed(values)]
    while stack:
        node, ready = stack.pop()
        if node in known or node in order:
            continue
        if ready:
            order[node] = None
        else:
            stack.append((node, True))
            stack.extend((i, False) for i in reversed(node.inputs))
    return tuple(order)
