"""Backward passes: the gradients of a run of layers as a graph of its own.

It reads what the forward pass left: the blobs, the parameters, and the few values no blob shows that would be dear, or
impossible, to compute again. All others are computed again where a gradient needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tcaffe.frontend.lower import AUTOMATIC, Lowered, LoweredLayer
from tcaffe.frontend.parameters import owner_of
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.node import Node
from tcaffe.ir.ops.gradients import GRADIENTS
from tcaffe.passes.differentiate import differentiate
from tcaffe.pycaffe.cutting import isolated, read_before

UNASKED = ("LSTM", "RNN")
"""Layers that give their bottoms gradients whenever they run backward."""


@dataclass(frozen=True)
class Backward:
    """The gradients of some layers: a graph, and what its inputs and outputs are, by name.

    Its inputs are the `data` or the `diff` of blobs, and values `kept` by the forward pass, by the names those have in
    the net's graph; its outputs are the diffs of `blobs`, and what is added to the diffs of `params`.
    """

    graph: Graph
    data: Mapping[str, str]
    diff: Mapping[str, str]
    kept: Mapping[str, str]
    blobs: Mapping[str, str]
    params: Mapping[str, str]


def backward_graph(lowered: Lowered, first: int, last: int) -> Backward:
    """The gradients of layers `first` to `last` for all that needs them."""
    flow = _Flow(lowered, first, last)
    gradients = differentiate(flow.seeds, flow.wanted)
    fed = {name for name in flow.diff.values() if flow.earliest[name] in flow.seeds}  # and not changed in place
    blobs = {name: gradients[v] for name, v in flow.earliest.items() if v in gradients and name not in fed}
    params = {p.node.name: gradients[p.node] for p in lowered.parameters if p.node in gradients}
    outputs = {f"blob {name}": g for name, g in blobs.items()} | {f"param {name}": g for name, g in params.items()}
    border = _Border(lowered, flow)
    graph = border.cut(Graph(f"{lowered.graph.name}.backward", outputs))
    return Backward(
        graph=graph,
        data=border.data,
        diff=flow.diff,
        kept=border.kept,
        blobs={f"blob {name}": name for name in blobs},
        params={f"param {name}": name for name in params},
    )


def needing_gradients(lowered: Lowered) -> set[Node]:
    """The values of a net that have gradients.

    They depend on a parameter that learns (one whose lr_mult is not 0), or, with force_backward, on anything but whole
    numbers; `propagate_down: true` asks for those of a layer's bottoms, if the layer runs backward at all. A net
    without a loss has none unless it says force_backward.
    """
    message: Any = lowered.message
    if not message.force_backward and not lowered.loss_weights:
        return set()
    found = {p.node for p in lowered.parameters if p.learned and (message.force_backward or p.lr_mult != 0)}
    found |= {node for node in lowered.graph.inputs if message.force_backward and node.type.is_float}
    nodes = iter(topological(v for layer in lowered.layers for v in layer.values))
    current, seen = dict[str, Node](), set[Node]()
    for layer, written in zip(lowered.layers, message.layer, strict=True):
        bottoms = [current[name] for name in layer.bottoms]
        runs = not found.isdisjoint((*bottoms, *map(owner_of, layer.params)))
        if runs:
            asked = written.propagate_down or [layer.type in UNASKED] * len(bottoms)
            found |= {v for v, yes in zip(bottoms, asked, strict=True) if yes and v.type.is_float}
            found |= {v for v in layer.values if v.op is ops.input_}  # a layer on the host made it
        for value in layer.values:
            while value not in seen:
                node = next(nodes)
                seen.add(node)
                if node.op in GRADIENTS and not found.isdisjoint(node.inputs):
                    found.add(node)
        current |= zip(layer.tops, layer.values, strict=True)
    return found


class _Flow:
    """How gradients run through some layers.

    `seeds` are the values they start from: losses, and the blobs `left` that no layer here reads, whose diffs are
    inputs by the names in `diff`. `wanted` are the values they are wanted for; `earliest` is the first value of each
    blob: its gradient is what the blob shows when all layers have run backward.
    """

    def __init__(self, lowered: Lowered, first: int, last: int) -> None:
        self.layers = lowered.layers[first : last + 1]
        self.before = before = read_before(lowered, first, last)
        values = [*before.values(), *(v for layer in self.layers for v in layer.values)]
        self.here = isolated(lowered, before, values)
        self.earliest = {name: self.here[v] for name, v in before.items()}
        self.seeds: dict[Node, Node] = {}
        self.diff: dict[str, str] = {}
        for layer in self.layers:
            for name, value in zip(layer.tops, layer.values, strict=True):
                self.earliest.setdefault(name, self.here[value])
        unread = _unread(self.layers)
        self.left = {name: self.here[v] for name, v in unread.items()}
        self._sow(unread)
        needing = needing_gradients(lowered)
        params = (owner_of(p) for layer in self.layers for p in layer.params)
        self.wanted = [self.here.get(v, v) for v in dict.fromkeys((*values, *params)) if v in needing]

    def _sow(self, unread: Mapping[str, Node]) -> None:
        """Start gradients at what nobody here reads, and at losses that are read, too, or have no name."""
        for name, value in unread.items():
            if value.type.is_float:
                seed = ops.input_(shape=value.shape, name=f"diff of {name}")
                self.diff[seed.name] = name
                self._seed(value, seed)
        for layer in self.layers:
            for name, weight, value in zip(layer.tops, layer.loss_weights, layer.values, strict=True):
                if weight and unread.get(name) is not value:
                    self._seed(value, ops.const(value=weight, shape=value.shape))

    def _seed(self, value: Node, seed: Node) -> None:
        here = self.here[value]
        self.seeds[here] = self.seeds[here] + seed if here in self.seeds else seed


def _unread(layers: Sequence[LoweredLayer]) -> dict[str, Node]:
    """The blobs that `layers` make and leave: none of them reads their last version."""
    left: dict[str, Node] = {}
    for layer in layers:
        for name in layer.bottoms:
            left.pop(name, None)
        left |= {name: v for name, v in zip(layer.tops, layer.values, strict=True) if name != AUTOMATIC}
    return left


class _Border:
    """Where a graph of gradients is cut off from the forward pass: at blobs, and at values that are kept.

    `data` and `kept` tell what the inputs made there stand for. Some layers may have found a blob as no blob shows it
    any more, because one of them wrote over it: that is computed again as the layers before did.
    """

    def __init__(self, lowered: Lowered, flow: _Flow) -> None:
        self.data: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self._inputs: dict[str, Node] = {}
        shown = {v: name for name, v in lowered.blobs.items()}
        self._shown = shown | {flow.here[v]: name for v, name in shown.items() if v in flow.here}
        self._lost = {flow.here[v]: v for v in flow.before.values() if v not in shown and flow.here[v] is not v}
        self._forward = set(topological((*flow.here.values(), *self._lost.values())))
        self._changed = {param for layer in lowered.layers for param in layer.updates}

    def cut(self, graph: Graph) -> Graph:
        """`graph` with inputs in place of what blobs show, and of what must be kept."""
        inputs = {node: self._input(node) for node in self._reached(graph)}
        lost = Graph(graph.name, {str(k): v for k, v in enumerate(self._lost.values())}).substitute(inputs)
        again = {border: lost.outputs[str(k)] for k, border in enumerate(self._lost)}
        return graph.substitute(inputs | again)

    def _input(self, node: Node) -> Node:
        if node in self._shown:
            name = f"data of {self._shown[node]}"
            self.data[name] = self._shown[node]
        else:
            name = f"kept {node.name}"
            self.kept[name] = node.name
        return self._inputs.setdefault(name, ops.input_(shape=node.shape, dtype=node.type.dtype, name=name))

    def _reached(self, graph: Graph) -> Iterator[Node]:
        """The values of the forward pass at which the graph ends."""
        pending, seen = list(graph.outputs.values()), set[Node]()
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in self._lost:
                pending.append(self._lost[node])
            elif node in self._shown or (node in self._forward and (_dear(node) or node in self._changed)):
                yield node
            else:
                pending += node.inputs


def _dear(node: Node) -> bool:
    """Whether a value is kept rather than computed again."""
    return node.op.family == "contract" or (node.op is ops.input_ and node.type.dtype != "i64")
