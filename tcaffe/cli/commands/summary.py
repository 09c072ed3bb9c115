"""`tcaffe summary`: the layers of a net, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from tcaffe.cli import cost, screen, units
from tcaffe.cli.command import command, json_option
from tcaffe.cli.options import NetQuery, net_options, shape_options, warn
from tcaffe.frontend.lower import Lowered, LoweredLayer
from tcaffe.ir.node import Node


@dataclass(frozen=True)
class LayerLine:
    """What there is to say of a layer. `bytes` are those of its tops, none if it writes over its bottoms."""

    name: str
    type: str
    tops: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    macs: int
    params: int
    shared: int
    bytes: int
    in_place: bool


@command
@shape_options
@json_option
@net_options()
def summary(query: NetQuery, as_json: bool) -> None:
    """List the layers of NET: shapes, multiply-adds, parameters and bytes.

    \b
    tcaffe summary deploy.prototxt
    tcaffe summary deploy.prototxt --input data=1x3x512x512
    tcaffe summary train_val.prototxt --phase TRAIN --json

    A layer that writes over its bottom is marked `in place` and takes no bytes; that is how the prototxt has it,
    the compiler decides for itself. Multiply-adds are those of convolutions and matrix products. Parameters that
    another layer owns are in parentheses and not counted again.
    """
    lowered = query.lower()
    lines = list(layer_lines(lowered))
    if as_json:
        screen.write_json(
            {"name": lowered.name, "layers": [asdict(line) for line in lines], "total": asdict(total(lines)),
             "diagnostics": [d.json() for d in lowered.warnings]}
        )  # fmt: skip
        return
    warn(lowered)
    made = screen.table("layer", "type", "output", ">MACs", ">params", ">bytes")
    for line in lines:
        shapes = " ".join("x".join(map(str, shape)) or "scalar" for shape in line.shapes)
        screen.row(made, line.name, line.type, shapes, *numbers(line))
    screen.row(made, f"total of {units.plural(len(lines), 'layer')}", "", "", *numbers(total(lines)), style="bold")
    screen.show(made)


def numbers(line: LayerLine) -> tuple[str, str, str]:
    """The last three columns."""
    params = units.count(line.params) if line.params else ""
    shared = f"({units.count(line.shared)})" if line.shared else ""
    size = "in place" if line.in_place else units.bytes_(line.bytes) if line.bytes else ""
    return units.count(line.macs) if line.macs else "", f"{params} {shared}".strip(), size


def layer_lines(lowered: Lowered) -> Iterator[LayerLine]:
    """A line for each layer of a net, in order."""
    seen: set[Node] = set()
    for layer in lowered.layers:
        new = list(_computed(layer, seen))
        params = [p for p in layer.params if p not in seen]
        seen.update(params)
        in_place = bool(layer.bottoms) and layer.tops == layer.bottoms[: len(layer.tops)]
        yield LayerLine(
            layer.name, layer.type, layer.tops, tuple(v.shape for v in layer.values), cost.macs(new),
            sum(p.type.size for p in params), sum(p.type.size for p in layer.params) - sum(p.type.size for p in params),
            0 if in_place else cost.nbytes(v.type for v in layer.values), in_place,
        )  # fmt: skip


def total(lines: Iterable[LayerLine]) -> LayerLine:
    """The sums of all layers."""
    found = list(lines)
    return LayerLine(
        "total", "", (), (), sum(line.macs for line in found), sum(line.params for line in found), 0,
        sum(line.bytes for line in found), False,
    )  # fmt: skip


def _computed(layer: LoweredLayer, seen: set[Node]) -> Iterator[Node]:
    """The nodes behind a layer's tops that no layer before it has computed."""
    left = [node for node in layer.values if node.op.name != "param"]
    while left:
        node = left.pop()
        if node not in seen and node.op.name != "param":
            seen.add(node)
            yield node
            left += node.inputs
