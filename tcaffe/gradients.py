"""Training graphs: a net, the gradients of its losses, and what becomes of its state, as one graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tcaffe.diagnostics import CompileError, Diagnostic, suggest
from tcaffe.frontend.lower import Lowered
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.differentiate import differentiate


@dataclass(frozen=True)
class TrainingGraph:
    """A net and its gradients in one graph.

    `forward` names those outputs that are the forward pass, `gradients` maps parameters and blobs to their gradients.
    """

    graph: Graph
    forward: frozenset[str]
    gradients: Mapping[Node, Node]


def training_graph(lowered: Lowered, outputs: Mapping[str, Node], wanted: Sequence[str] | None = None) -> TrainingGraph:
    """`outputs`, and the gradients of the sum of all losses, each times its weight, for what is `wanted`.

    `wanted` names parameters and blobs; None stands for the parameters that learn, those whose lr_mult is not 0. The
    gradient of `x` is the output `d.x`, and what state `x`, such as a running mean, is afterwards is the output `x'`.
    Raises CompileError for a net without a loss, and for names that no loss depends on.
    """
    seeds = dict(losses(lowered))
    if not seeds:
        note = "a loss is the top of a loss layer, or any top with a loss_weight"
        raise CompileError([Diagnostic("E0613", f"the net has no loss in this phase: {lowered.name!r}", note=note)])
    targets = _learning(lowered) if wanted is None else _named(lowered, wanted)
    gradients = differentiate(seeds, targets.values())
    missing = [name for name in wanted or () if targets[name] not in gradients]
    if missing:
        raise CompileError([Diagnostic("E0614", f"no loss depends on `{name}`") for name in missing])
    found = dict(outputs)
    for layer in lowered.layers:
        for old, new in layer.updates.items():
            found[_fresh(f"{old.name}'", found)] = new
    forward = frozenset(found)
    for name, node in targets.items():
        if node in gradients:
            found[_fresh(f"d.{name}", found)] = gradients[node]
    return TrainingGraph(Graph(lowered.graph.name, found), forward, gradients)


def losses(lowered: Lowered) -> Iterator[tuple[Node, Node]]:
    """Every loss, and the gradient that the sum of all has for it: its weight."""
    for layer in lowered.layers:
        for value, weight in zip(layer.values, layer.loss_weights, strict=True):
            if weight:
                yield value, ops.const(value=weight, shape=value.shape)


def total_loss(lowered: Lowered) -> Node:
    """The sum of all losses, each times its weight: f32[]."""
    terms = [ops.reduce_sum(v * weight, axes=tuple(range(len(v.shape)))) for v, weight in losses(lowered)]
    return sum(terms[1:], terms[0]) if terms else ops.const(value=0.0, shape=())


def _learning(lowered: Lowered) -> dict[str, Node]:
    return {p.node.name: p.node for p in lowered.parameters if p.learned and p.lr_mult != 0}


def _named(lowered: Lowered, names: Sequence[str]) -> dict[str, Node]:
    """The parameters and blobs called `names`; raises CompileError for those there are not."""
    known = {p.node.name: p.node for p in lowered.parameters} | dict(lowered.blobs)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CompileError([
            Diagnostic("E0601", f"the net has no blob or parameter `{name}`", suggestion=suggest(name, known))
            for name in unknown
        ])  # fmt: skip
    return {name: known[name] for name in names}


def _fresh(name: str, taken: Mapping[str, Node]) -> str:
    """`name` with as many more primes as it needs to be new."""
    return _fresh(f"{name}'", taken) if name in taken else name
