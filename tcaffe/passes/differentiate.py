"""`differentiate`: gradients by reverse mode, as more nodes of the same graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tcaffe.ir.graph import topological
from tcaffe.ir.node import Node, naming
from tcaffe.ir.ops.gradients import GRADIENTS


def differentiate(seeds: Mapping[Node, Node], wanted: Iterable[Node]) -> dict[Node, Node]:
    """The gradients of the sum of all `value * seed` for the `wanted` nodes; those it does not depend on have none.

    `seeds` maps values to gradients of the same type. Nothing is made for values that no wanted node leads to. Where
    a value is used several times its gradients are added, in the order in which the uses run backward.
    """
    nodes = topological(seeds)
    leading = _depending(nodes, wanted)
    found: dict[Node, Node] = {value: seed for value, seed in seeds.items() if value in leading}
    for node in reversed(nodes):
        if node not in found or node.op not in GRADIENTS:
            continue
        with naming(f"d.{node.name}", node.span):
            for x, g in zip(node.inputs, GRADIENTS[node.op](node, found[node]), strict=True):
                if g is not None and x in leading:
                    found[x] = found[x] + g if x in found else g
    return {node: found[node] for node in wanted if node in found}


def _depending(nodes: Iterable[Node], wanted: Iterable[Node]) -> set[Node]:
    """The `wanted` nodes, and those among `nodes` that a gradient reaches them through."""
    found = set(wanted)
    for node in nodes:
        if node.op in GRADIENTS and not found.isdisjoint(node.inputs):
            found.add(node)
    return found
