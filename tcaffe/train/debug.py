"""What `debug_info` tells: how large data and gradients are, layer by layer, as in the original's log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tcaffe.frontend.lower import Lowered, LoweredLayer
from tcaffe.frontend.parameters import owner_of
from tcaffe.gradients import losses
from tcaffe.ir import ops
from tcaffe.ir.graph import topological
from tcaffe.ir.node import Node
from tcaffe.passes.differentiate import differentiate
from tcaffe.train.report import Arrays, shown


@dataclass(frozen=True)
class Line:
    """A line of the log: `text` with the numbers of `values`, f32[], in the places of its braces."""

    text: str
    values: tuple[Node, ...]


class Debugging:
    """The lines of one pass, forward and then backward, for the parameters that are `learned`."""

    def __init__(self, lowered: Lowered, learned: Sequence[Node]) -> None:
        seeds = dict(losses(lowered))
        needed = _depending(lowered, learned)
        self._gradients = differentiate(seeds, [*learned, *needed.difference(learned)])
        self._display = {p.node: p.key or str(p.index) for p in lowered.parameters}
        self.lines = [
            *(line for layer in lowered.layers for line in self._forward(layer)),
            *(line for layer, bottoms in _reversed(lowered) for line in self._backward(layer, bottoms)),
            self._all([w for w in learned if w in self._gradients]),
        ]

    @property
    def outputs(self) -> dict[str, Node]:
        """What a program has to compute for the lines."""
        return {_name(k, i): value for k, line in enumerate(self.lines) for i, value in enumerate(line.values)}

    def told(self, outputs: Arrays) -> Iterator[str]:
        """The lines, with the numbers that the program computed."""
        for k, line in enumerate(self.lines):
            yield line.text.format(*(shown(float(outputs[_name(k, i)])) for i in range(len(line.values))))

    def _forward(self, layer: LoweredLayer) -> Iterator[Line]:
        for top, value in zip(layer.tops, layer.values, strict=True):
            yield _line("Forward", layer, f"top blob {top} data", value)
        for k, p in enumerate(layer.params):
            yield _line("Forward", layer, f"param blob {self._display.get(owner_of(p), str(k))} data", p)

    def _backward(self, layer: LoweredLayer, bottoms: Mapping[str, Node]) -> Iterator[Line]:
        for name, value in bottoms.items():
            if value in self._gradients:
                yield _line("Backward", layer, f"bottom blob {name} diff", self._gradients[value])
        for k, p in enumerate(layer.params):
            if owner_of(p) in self._gradients:
                yield _line("Backward", layer, f"param blob {k} diff", self._gradients[owner_of(p)])

    def _all(self, learned: Sequence[Node]) -> Line:
        data, diff = learned, [self._gradients[w] for w in learned]
        norms = (_length(data, 1), _length(diff, 1), _length(data, 2), _length(diff, 2))
        return Line("    [Backward] All net params (data, diff): L1 norm = ({}, {}); L2 norm = ({}, {})", norms)


def _line(way: str, layer: LoweredLayer, what: str, value: Node) -> Line:
    """The mean magnitude of a value, as the original tells it."""
    text = f"    [{way}] Layer {layer.name}, {what}".replace("{", "{{").replace("}", "}}")
    return Line(text + ": {}", (_sum(ops.abs_(value)) * (1 / max(value.type.size, 1)),))


def _length(values: Sequence[Node], power: int) -> Node:
    """The sum of all magnitudes, or the root of the sum of all squares."""
    terms = [_sum(ops.abs_(v) if power == 1 else v * v) for v in values]
    total = sum(terms[1:], terms[0]) if terms else ops.const(value=0.0, shape=())
    return total if power == 1 else ops.sqrt(total)


def _sum(value: Node) -> Node:
    return ops.reduce_sum(value, axes=tuple(range(len(value.shape))))


def _depending(lowered: Lowered, learned: Sequence[Node]) -> set[Node]:
    """What gradients run through: blobs that depend on a parameter that learns."""
    blobs = {value for layer in lowered.layers for value in layer.values}
    found = set(learned)
    for node in topological([*blobs]):
        if not found.isdisjoint(node.inputs):
            found.add(node)
    return found & blobs


def _reversed(lowered: Lowered) -> Iterator[tuple[LoweredLayer, Mapping[str, Node]]]:
    """Every layer from the last to the first, with what its bottoms were when it ran."""
    blobs: dict[str, Node] = {}
    seen = []
    for layer in lowered.layers:
        seen.append((layer, {name: blobs[name] for name in layer.bottoms if name in blobs}))
        blobs |= zip(layer.tops, layer.values, strict=True)
    return reversed(seen)


def _name(line: int, place: int) -> str:
    return f"(debug {line}.{place})"
