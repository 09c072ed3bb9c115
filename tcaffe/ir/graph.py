"""Graphs: an immutable DAG of nodes, known by its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from tcaffe.ir.node import Node

Rule = Callable[[Node], Node | None]
Owned = Callable[[Node], bool]
OwnedRule = Callable[[Node, Owned], Node | None]
MAX_ROUNDS = 64


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """Named outputs, and by them everything they need; what no output needs does not exist."""

    name: str
    outputs: Mapping[str, Node]

    def __repr__(self) -> str:
        return f"Graph(@{self.name}: {len(self.nodes)} nodes -> {', '.join(self.outputs)})"

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, each after its inputs; the order depends on the outputs alone."""
        return topological(self.outputs.values())

    @cached_property
    def uses(self) -> Mapping[Node, tuple[Node, ...]]:
        """For each node the nodes that read it, in order, once per operand."""
        found: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for value in node.inputs:
                found[value].append(node)
        return {node: tuple(readers) for node, readers in found.items()}

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The input nodes, in order of their first use."""
        return tuple(n for n in self.nodes if n.op.name == "input")

    @property
    def params(self) -> tuple[Node, ...]:
        """The parameter nodes, in order of their first use."""
        return tuple(n for n in self.nodes if n.op.name == "param")

    def with_outputs(self, outputs: Mapping[str, Node]) -> Graph:
        """The same graph seen from other outputs."""
        return Graph(self.name, dict(outputs))

    def substitute(self, new: Mapping[Node, Node]) -> Graph:
        """The graph with every key of `new` replaced by its value, and what depends on it rebuilt."""
        done: dict[Node, Node] = {}
        for node in self.nodes:
            if node in new:
                done[node] = new[node]
                continue
            inputs = tuple(done[i] for i in node.inputs)
            done[node] = node if inputs == node.inputs else replace(node, inputs=inputs)
        return self.with_outputs({name: done[node] for name, node in self.outputs.items()})

    def rewrite(self, *rules: Rule) -> Graph:
        """Apply `rules` bottom-up, again and again, until none of them matches.

        A rule maps a node to its replacement, of the same type, or to None. The replacement takes the node's name.
        """
        return self.rewrite_owned(*(_ignoring_owners(rule) for rule in rules))

    def rewrite_owned(self, *rules: OwnedRule) -> Graph:
        """`rewrite` with rules that may ask `owned(node)`: whether nothing but the matched expression reads `node`."""
        graph = self
        for _ in range(MAX_ROUNDS):
            changed, graph = graph._rewrite_once(rules)
            if not changed:
                return graph
        raise RecursionError(f"rules {[r.__name__ for r in rules]} never settle on graph @{self.name}")

    def _rewrite_once(self, rules: tuple[OwnedRule, ...]) -> tuple[bool, Graph]:
        done: dict[Node, Node] = {}
        shared = set(self.outputs.values()) | {n for n, readers in self.uses.items() if len(readers) > 1}
        fired = False

        def owned(node: Node) -> bool:
            return node not in shared

        for node in self.nodes:
            inputs = tuple(done[i] for i in node.inputs)
            current = node if inputs == node.inputs else replace(node, inputs=inputs)
            for rule in rules:
                if (made := rule(current, owned)) is not None:
                    current, fired = _take_over(made, node), True
                    break
            done[node] = current
            if node in shared:
                shared.add(current)
        return fired, self.with_outputs({name: done[node] for name, node in self.outputs.items()})


def _ignoring_owners(rule: Rule) -> OwnedRule:
    def apply(node: Node, owned: Owned) -> Node | None:
        return rule(node)

    apply.__name__ = rule.__name__
    return apply


def topological(roots: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes that `roots` depend on, and they themselves, each after its inputs."""
    order: dict[Node, None] = {}
    stack = [(node, False) for node in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if node in order:
            continue
        if ready:
            order[node] = None
        else:
            stack.append((node, True))
            stack.extend((i, False) for i in reversed(node.inputs) if i not in order)
    return tuple(order)


def _take_over(made: Node, old: Node) -> Node:
    """`made` under the name and span of `old`, unless it is a value that has its own (an input, a parameter ...)."""
    if made in old.inputs or made.op.family == "source":
        return made
    return replace(made, name=old.name or made.name, span=old.span or made.span)
