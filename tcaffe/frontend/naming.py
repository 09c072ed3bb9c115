"""Names of values: after the blobs and layers of the prototxt, each used once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tcaffe.ir.node import Node


class Names:
    """Gives out names, each only once; `reserved` ones go only to those that ask for them by right."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = set(reserved)

    def unique(self, wanted: str) -> str:
        """`wanted`, or `wanted'1`, `wanted'2` ... if it is taken."""
        name, k = wanted, 0
        while name in self._taken:
            k += 1
            name = f"{wanted}'{k}"
        self._taken.add(name)
        return name


def named_tops(values: Sequence[Node], names: Sequence[str], bottoms: Sequence[Node]) -> tuple[Node, ...]:
    """`values` under `names`, except those that are a bottom or a source and keep the name they have.

    A value that other values of the layer are made of is renamed inside them too, so that it stays one value.
    """
    wanted = {
        value: name
        for value, name in reversed(list(zip(values, names, strict=True)))
        if value not in bottoms and value.op.family != "source"
    }
    done: dict[Node, Node] = {bottom: bottom for bottom in bottoms}

    def rebuilt(node: Node) -> Node:
        """`node` with everything it is made of renamed."""
        for child in node.inputs:
            if child not in done:
                done[child] = rebuilt(child)
        inputs = tuple(done[i] for i in node.inputs)
        same = node if inputs == node.inputs else node.op.apply(inputs, node.attrs, node.name, node.span)
        return same.named(wanted.get(node, node.name))

    for value in values:
        if value not in done:
            done[value] = rebuilt(value)
    return tuple(done[value] for value in values)
