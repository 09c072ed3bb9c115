"""Packing: values in the forms in which algorithms read them, each form made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.passes.static import Parameters


@dataclass(frozen=True)
class Form:
    """A parameter in the order in which an algorithm reads it: `name` is unique per form, `make` the expression."""

    name: str
    make: Callable[[Node], Node]


class Packing:
    """What is packed so far. A parameter that is not live is packed by `prepare`, everything else by kernels."""

    def __init__(self, prepare: Graph, parameters: Parameters) -> None:
        self.graph = prepare
        self.live = parameters == "live"
        self.made: dict[tuple[Node, str], Node] = {}
        self.expressions: dict[str, Node] = {}

    def packed(self, value: Node, form: Form) -> tuple[Node, tuple[Kernel, ...]]:
        """The parameter or stored value that holds `value` in `form`, and the kernels that make it, the first time."""
        key = (value, form.name)
        if key in self.made:
            return self.made[key], ()
        name = f"{value.name}.{form.name}"
        if value.op is ops.param and not self.live:
            self.made[key] = self._prepared(name, form.make(self.graph.outputs[value.name]))
            return self.made[key], ()
        steps = list(self._steps(value, form.make(value).named(name)))
        self.made[key] = steps[-1]
        return steps[-1], tuple(Kernel(s.name, (s,), (s,), s) for s in steps)

    def _prepared(self, name: str, value: Node) -> Node:
        self.expressions[name] = value.named(name)
        return ops.param(shape=value.shape, dtype=value.type.dtype, name=name)

    def _steps(self, value: Node, form: Node) -> Iterator[Node]:
        """The nodes that lead from `value` to its form, each under a name of its own; tables become parameters."""
        done: dict[Node, Node] = {value: value}
        order = _between(value, form)
        for k, node in enumerate(order, 1):
            name = form.name if node is form else f"{form.name}'{k}"
            if node.op is ops.const:
                done[node] = self._prepared(name, node)
                continue
            done[node] = replace(node, inputs=tuple(done[i] for i in node.inputs), name=name)
            yield done[node]

    def prepare(self, kernels: tuple[Kernel, ...]) -> Graph:
        """What computes every parameter that `kernels` read."""
        names = {p.name: None for kernel in kernels for p in kernel.params}
        return self.graph.with_outputs({n: self.expressions.get(n) or self.graph.outputs[n] for n in names})


def _between(value: Node, form: Node) -> list[Node]:
    """What `form` depends on behind `value`, and it itself, each after its inputs."""
    order: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node is not value and node not in order:
            for operand in node.inputs:
                visit(operand)
            order[node] = None

    visit(form)
    return list(order)
