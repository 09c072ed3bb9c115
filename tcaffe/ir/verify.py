"""The verifier: what must hold of every graph and program, whoever made it."""

from __future__ import annotations

from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.ops import OPS
from tcaffe.ir.printer import print_graph
from tcaffe.ir.program import Kernel, Program
from tcaffe.ir.types import IRError


def verify_graph(graph: Graph) -> Graph:
    """`graph` itself, if every node is a core op whose rule gives its type; else IRError with the lines around it."""
    for node in graph.nodes:
        if problem := _problem(node):
            raise IRError(f"{problem}\n{_excerpt(graph, node)}")
    return graph


def _problem(node: Node) -> str:
    """What is wrong with a node, or nothing."""
    if OPS.get(node.op.name) is not node.op:
        return f"{node.op.name} is not a core op"
    if node.type.order and sorted(node.type.order) != list(range(node.type.rank)):
        return f"{node.type} does not order its axes"
    try:
        kind = node.op.rule(*(i.type for i in node.inputs), **node.attrs)
    except (IRError, TypeError) as error:
        return str(error)
    return "" if kind.same_value(node.type) else f"%{node.name} is declared {node.type}, its op gives {kind}"


def _excerpt(graph: Graph, guilty: Node) -> str:
    """The guilty line, marked, among its neighbours."""
    at = graph.nodes.index(guilty)
    around = Graph(graph.name, {str(i): n for i, n in enumerate(graph.nodes[max(0, at - 4) : at + 1])})
    lines = print_graph(around).splitlines()[1:-2]
    mark = next((i for i in reversed(range(len(lines))) if f"%{guilty.name}:" in lines[i]), len(lines) - 1)
    return "\n".join([*lines[: mark + 1], "  ^" + "~" * (len(lines[mark]) - 3), *lines[mark + 1 :]])


def verify_program(program: Program) -> Program:
    """`program` itself, if its kernels stand in order, compute every node once, and store what others read."""
    ready: set[Node] = {*program.inputs}
    views = set(program.views)
    owner: dict[Node, Kernel] = {}
    for kernel in program.kernels:
        for value in kernel.inputs:
            if not _is_ready(value, ready, views):
                raise IRError(f"kernel @{kernel.name} reads %{value.name} before anything stores it")
        for node in kernel.nodes:
            if node in owner:
                raise IRError(f"%{node.name} is computed by @{owner[node].name} and again by @{kernel.name}")
            owner[node] = kernel
        if missing := set(kernel.outputs) - set(kernel.nodes):
            raise IRError(f"kernel @{kernel.name} stores %{missing.pop().name}, which it does not compute")
        ready |= set(kernel.outputs)
    for name, node in program.outputs.items():
        if not _is_ready(node, ready, views):
            raise IRError(f"nothing stores the output {name}")
    verify_graph(program.prepare)
    return _verify_names(program)


def _is_ready(value: Node, ready: set[Node], views: set[Node]) -> bool:
    """Whether a value, or everything it is a view of, has been stored; parameters always are."""
    seen = value in views and all(_is_ready(i, ready, views) for i in value.inputs)
    return seen or value in ready or value.op.name == "param"


def _verify_names(program: Program) -> Program:
    taken: dict[str, object] = {}
    for name, thing in [
        *((n.name, n) for n in program.stored),
        *((s.name, s) for k in program.kernels for s in k.scratch),
    ]:
        if taken.setdefault(name, thing) is not thing:
            raise IRError(f"two stored values are called %{name}")
    return program
