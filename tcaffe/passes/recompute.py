"""`recompute`: what the backward pass needs of the forward pass is kept, or computed again where that is cheap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.node import Node
from tcaffe.passes.mincut import ENDLESS, cheapest_cut

CHEAP = (ops.reshape, ops.transpose, ops.slice_, ops.broadcast)
"""Besides pointwise work, what costs next to nothing to make again."""
UNKEPT = (ops.const, ops.iota, ops.broadcast)
"""What is never worth keeping."""


def recompute(first: Iterable[str], segments: int = 1) -> Callable[[Graph], Graph]:
    """The pass for a graph whose outputs called `first` are the forward pass: all they need runs before the rest.

    Of what the rest reads of it, the fewest bytes are kept from which everything else can be made again by pointwise
    work: a minimum cut. The sums of a batch normalisation and its image are kept, what is normalised is not.

    With several `segments` the forward pass is cut into as many, and all but the last run a second time when the
    backward pass comes to them: only what crosses from one to another is kept (Chen et al. 2016, "Training Deep Nets
    with Sublinear Memory Cost").
    """
    first = frozenset(first)

    def recompute(graph: Graph) -> Graph:
        forward = _forward(graph, first)
        again = Again(graph, forward, segments)
        done: dict[Node, Node] = {}
        for node in graph.nodes:
            inputs = tuple(again.read(i, node) if i in forward else done[i] for i in node.inputs)
            done[node] = node if node in forward or inputs == node.inputs else replace(node, inputs=inputs)
        return graph.with_outputs({name: done[node] for name, node in graph.outputs.items()})

    return recompute


class Again:
    """The values of the forward pass as the rest reads them: those stored, and the others made again from them.

    Work on the same shape makes for itself what it reads, inside its own kernel. What is stored to be read, by a
    convolution or as a mask, is made once.
    """

    def __init__(self, graph: Graph, forward: Collection[Node], segments: int) -> None:
        self.forward = forward
        kept = _kept(graph, forward)
        run = list(forward)
        crossing = _crossing(run, kept, segments)
        self.stored = {value: _keep(value) for value in kept | crossing if value.inputs}
        self.stored |= _run_again(run, kept, crossing, self.stored) if crossing else {}
        self.made: dict[tuple[Node, Node | None], Node] = {}

    def read(self, value: Node, reader: Node) -> Node:
        """What `reader` reads in place of `value`."""
        if reader in self.forward:
            return value
        return self._made(value, reader if reader.op.family == "pointwise" and reader.type.is_float else None)

    def _made(self, value: Node, owner: Node | None) -> Node:
        if not value.inputs or value in self.stored:
            return self.stored.get(value, value)
        key = (value, owner)
        if key not in self.made:
            self.made[key] = replace(value, inputs=tuple(self._made(i, owner) for i in value.inputs))
        return self.made[key]


def _keep(value: Node) -> Node:
    return ops.keep(value, name=f"{value.name}.kept")


def _forward(graph: Graph, first: Iterable[str]) -> dict[Node, None]:
    """The values of the forward pass in order, with masks and places of maxima right behind what they are about.

    Nobody reads those but the backward pass; they are small, and what they are about may then be dropped.
    """
    position = {node: k for k, node in enumerate(topological(graph.outputs[name] for name in first))}
    for node in graph.nodes:
        if node not in position and (not node.type.is_float or node.attrs.get("kind") == "argmax"):
            at = [position.get(i) for i in node.inputs if i.inputs]
            if at and None not in at:
                position[node] = max(k for k in at if k is not None)
    return dict.fromkeys(sorted(position, key=position.__getitem__))


def _kept(graph: Graph, forward: Collection[Node]) -> set[Node]:
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


def _crossing(run: Sequence[Node], kept: Collection[Node], segments: int) -> set[Node]:
    """What lies between the segments into which `run` is cut: made in one and read in a later one.

    The segments hold about as many bytes of `kept` values each. A cut may move within half a segment to where the
    fewest bytes cross.
    """
    position = {node: k for k, node in enumerate(run)}
    last = {value: k for k, node in enumerate(run) for value in node.inputs}
    sums = list(accumulate(node.type.nbytes if node in kept else 0 for node in run))
    change = [0] * (len(run) + 1)
    for value, end in last.items():
        if value.inputs:
            change[position[value]] += value.type.nbytes
            change[end] -= value.type.nbytes
    crossing = list(accumulate(change))
    found: set[Node] = set()
    for k in range(1, segments):
        low, high = ((2 * k + side) * sums[-1] for side in (-1, 1))
        near = [p for p, total in enumerate(sums) if low <= 2 * segments * total < high]
        if near:
            at = min(near, key=crossing.__getitem__)
            found.update(v for v, end in last.items() if v.inputs and position[v] <= at < end)
    return found


def _run_again(
    run: Sequence[Node], kept: Collection[Node], crossing: Collection[Node], stored: dict[Node, Node]
) -> dict[Node, Node]:
    """Copies of what `kept` holds of the segments before the last cut, computed from what crosses.

    Sums over whole images are so much smaller than what they are made of that they are kept.
    """
    end = max(k for k, node in enumerate(run) if node in crossing)
    remade = {n for n in run[:end] if n in kept and n not in crossing and n.inputs and n.op.family != "reduce"}
    wanted = set(remade)
    for node in reversed(run):
        if node in wanted:
            wanted.update(i for i in node.inputs if i.inputs and (i in remade or i not in stored))
    copies: dict[Node, Node] = {}
    for node in run:
        if node in wanted:
            inputs = tuple(copies.get(i) or stored.get(i, i) for i in node.inputs)
            copies[node] = replace(node, inputs=inputs, name=f"{node.name}.again")
    return {value: copies[value] for value in remade}
