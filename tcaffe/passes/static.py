"""What is known before the first run: expressions of parameters and constants alone."""

from __future__ import annotations

from typing import Literal

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.node import Node

Parameters = Literal["fixed", "settable", "live"]
"""How long parameters keep their values: for ever, so that everything made of them is made once; from run to run, and
what is made of them is cheap to make anew; or not even that, and every run makes it."""


def is_static(node: Node) -> bool:
    """Whether `node` depends on no input."""
    return all(n.op is not ops.input_ for n in topological([node]))


def static_nodes(graph: Graph, parameters: Parameters = "fixed") -> set[Node]:
    """The nodes that depend on no input, and on no parameter that is live, other than those themselves."""
    found: set[Node] = set()
    live = set(graph.params) if parameters == "live" else set()
    for node in graph.nodes:
        if node.op is not ops.input_ and all(i in found and i not in live for i in node.inputs):
            found.add(node)
    return found


def hoist(graph: Graph, parameters: Parameters = "fixed") -> tuple[Graph, Graph]:
    """`graph` split in what runs every time and what is computed once: (main, prepare).

    Every static value that main reads is a parameter there, and the output of that name in prepare. Numbers stay where
    they are, and a broadcast stays with its reader: it costs nothing there and would cost memory if kept.
    """
    static = static_nodes(graph, parameters)
    kept = {n for n in static if n.op is ops.iota or (n.op is ops.const and not isinstance(n.attrs["value"], tuple))}
    kept |= {n for n in static if n.op is ops.broadcast}
    borders = _borders(graph, static, kept)
    params: dict[Node, Node] = {}
    prepare: dict[str, Node] = {}
    for value in borders:
        name = _unique(value.name or value.op.name, prepare)
        prepare[name] = value
        params[value] = ops.param(shape=value.shape, dtype=value.type.dtype, name=name)
    return graph.substitute(params), Graph(graph.name, prepare)


def _borders(graph: Graph, static: set[Node], kept: set[Node]) -> list[Node]:
    """The static values that nodes of the main part read, in order."""
    found: dict[Node, None] = {}
    main = {n for n in graph.nodes if n not in static}
    for node in reversed(graph.nodes):
        if node in main:
            main.update(i for i in node.inputs if i in kept)
    for node in graph.nodes:
        if node in main:
            found.update({i: None for i in node.inputs if i in static and i not in kept})
    for output in graph.outputs.values():
        if output in static:
            found[output] = None
    return list(found)


def _unique(name: str, taken: dict[str, Node]) -> str:
    k, fresh = 1, name
    while fresh in taken:
        fresh, k = f"{name}'{k}", k + 1
    return fresh
