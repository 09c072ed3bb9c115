"""`recompute`: what the backward pass needs of the forward pass is kept, or computed again where that is cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.node import Node
from tcaffe.passes.mincut import ENDLESS, cheapest_cut

CHEAP = (ops.reshape, ops.transpose, ops.slice_, ops.broadcast)
"""Besides pointwise work, what costs next to nothing to make again."""
UNKEPT = (ops.const, ops.iota, ops.broadcast)
"""What is never worth keeping."""


def recompute(first: Iterable[str]) -> Callable[[Graph], Graph]:
    """The pass for a graph whose outputs called `first` are the forward pass: all they need runs before the rest.

    Of what the rest reads of it, the fewest bytes are kept from which everything else can be made again by pointwise
    work: a minimum cut. The sums of a batch normalisation and its image are kept, what is normalised is not.
    """
    first = frozenset(first)

    def recompute(graph: Graph) -> Graph:
        forward = set(topological(graph.outputs[name] for name in first))
        again = Again(graph, forward)
        done: dict[Node, Node] = {}
        for node in graph.nodes:
            inputs = tuple(again.read(i, node) if i in forward else done[i] for i in node.inputs)
            done[node] = node if node in forward or inputs == node.inputs else replace(node, inputs=inputs)
        return graph.with_outputs({name: done[node] for name, node in graph.outputs.items()})

    return recompute


class Again:
    """The values of the forward pass as the rest reads them: those kept, and the others made again from them.

    Work on the same shape makes for itself what it reads, inside its own kernel. What is stored to be read, by a
    convolution or as a mask, is made once.
    """

    def __init__(self, graph: Graph, forward: set[Node]) -> None:
        self.forward = forward
        self.kept = _kept(graph, forward)
        self.made: dict[tuple[Node, Node | None], Node] = {}

    def read(self, value: Node, reader: Node) -> Node:
        """What `reader` reads in place of `value`."""
        if reader in self.forward:
            return value
        return self._made(value, reader if reader.op.family == "pointwise" and reader.type.is_float else None)

    def _made(self, value: Node, owner: Node | None) -> Node:
        if not value.inputs:
            return value
        kept = value in self.kept
        key = (value, None if kept else owner)
        if key not in self.made:
            again = ops.keep(value, name=f"{value.name}.kept") if kept else None
            self.made[key] = again or replace(value, inputs=tuple(self._made(i, owner) for i in value.inputs))
        return self.made[key]


def _kept(graph: Graph, forward: set[Node]) -> set[Node]:
    """The values of the forward pass that are kept for the rest."""
    rest = [node for node in graph.nodes if node not in forward]
    needed = dict.fromkeys(i for node in rest for i in node.inputs if i in forward)
    free = set(graph.outputs.values()) | set(graph.params)  # they are there in any case
    operands: dict[Node, tuple[Node, ...]] = {}
    pending = list(needed)
    while pending:
        value = pending.pop()
        if value not in operands:
            operands[value] = value.inputs if _is_cheap(value) else ()
            pending += operands[value]
    costs = {value: _cost(value, free) for value in topological(operands) if value in operands}
    return cheapest_cut(costs, operands, needed)


def _is_cheap(value: Node) -> bool:
    return value.op.family == "pointwise" or value.op in CHEAP


def _cost(value: Node, free: set[Node]) -> int:
    """Bytes that keeping a value takes."""
    if value.op in UNKEPT:
        return 0 if not value.inputs else ENDLESS
    return 0 if value in free else value.type.nbytes
