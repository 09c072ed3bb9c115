"""Parameters of a net: what each is, and how layers share them by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from tcaffe.diagnostics import suggest
from tcaffe.frontend.fillers import FILLERS, filler_complaint
from tcaffe.frontend.layers.view import LayerView, Shape
from tcaffe.ir.node import Node
from tcaffe.ir.ops import param, reshape
from tcaffe.schema import caffe_pb2

MULTIPLIERS = ("lr_mult", "decay_mult")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the net, as the layer that owns it declares it.

    `index` is its place among the layer's parameters, `key` the name it can be shared by, if any. `filler` (a
    FillerParameter) says how it starts, unless there are `values` for it (a BlobProto). What is not
    `learned` is state: the layer changes it as it runs. State without an `index` is no parameter of the layer in Caffe:
    weights files do not hold it, and it starts anew where its shape changes. The multipliers are None where no layer
    sets them.
    """

    node: Node
    layer: str
    index: int | None
    key: str
    filler: Message
    values: Message | None
    learned: bool
    lr_mult: float | None = None
    decay_mult: float | None = None


class Parameters:
    """The parameters of a net in the order they first appear; `unique` makes names that nothing else has."""

    def __init__(self, unique: Callable[[str], str]) -> None:
        self.owned: list[Parameter] = []
        self._unique = unique
        self._places: dict[str, int] = {}

    def carry(self, p: LayerView, role: str, shape: Shape, values: Message | None) -> Node:
        """State of a layer that is none of its parameters, and the values it starts with."""
        node = param(shape=shape, name=self._unique(f"{p.layer.name or p.kind.name}.{role}"))
        self.owned.append(Parameter(node, p.layer.name, None, "", caffe_pb2.FillerParameter(), values, learned=False))
        return node

    def take(self, p: LayerView, index: int, role: str, shape: Shape, filler: Message | None, learned: bool) -> Node:
        """The parameter of a layer at `index`: a new one, or the one its name stands for."""
        spec = p.layer.param[index] if index < len(p.layer.param) else caffe_pb2.ParamSpec()
        filler = filler or caffe_pb2.FillerParameter()
        _check_filler(p, filler, shape)
        if spec.name in self._places:
            return self._share(p, spec, shape)
        if spec.name:
            self._places[spec.name] = len(self.owned)
        made = Parameter(
            node=param(shape=shape, filler=_start(filler), name=self._unique(f"{p.layer.name or p.kind.name}.{role}")),
            layer=p.layer.name,
            index=index,
            key=spec.name,
            filler=filler,
            values=_values(p, index, shape),
            learned=learned,
            lr_mult=_if_set(spec, "lr_mult"),
            decay_mult=_if_set(spec, "decay_mult"),
        )
        self.owned.append(made)
        return made.node

    def _share(self, p: LayerView, spec: Any, shape: Shape) -> Node:
        """The parameter an earlier layer owns, after checking that both layers agree."""
        place = self._places[spec.name]
        owner = self.owned[place]
        for field in MULTIPLIERS:
            mine, theirs = _if_set(spec, field), getattr(owner, field)
            if None not in (mine, theirs) and mine != theirs:
                note = f"layers that share a parameter must agree on its {field}"
                p.fail(
                    "param", f"{field} is {mine:g} for `{spec.name}`, {theirs:g} in {_of(owner)}", note, code="E0311"
                )
        lr_mult, decay_mult = (_first(getattr(owner, f), _if_set(spec, f)) for f in MULTIPLIERS)
        self.owned[place] = replace(owner, lr_mult=lr_mult, decay_mult=decay_mult)
        if owner.node.shape == shape:
            return owner.node
        permissive = spec.share_mode == caffe_pb2.ParamSpec.PERMISSIVE
        if not permissive or owner.node.type.size != math.prod(shape):
            wanted = "number of elements" if permissive else "shape"
            note = f"layers that share a parameter must agree on its {wanted}"
            shapes = f"{list(shape)} for `{spec.name}`, {list(owner.node.shape)} in {_of(owner)}"
            p.fail("param", f"the shape is {shapes}", note, code="E0311")
        return reshape(owner.node, shape=shape)


def _check_filler(p: LayerView, filler: Any, shape: Shape) -> None:
    """Refuse the layer if `filler` cannot fill a parameter of that shape."""
    if complaint := filler_complaint(filler, shape):
        fields = ("weight_filler", "bias_filler", "filler")
        guilty = next((f for f in fields if p.knows(f) and p.has(f) and getattr(p, f) == filler), "")
        p.fail(guilty, complaint, code="E0405", suggestion=suggest(filler.type, FILLERS))


def _of(owner: Parameter) -> str:
    return f"layer `{owner.layer}`, which shares it"


def _start(filler: Any) -> str:
    """How the graph shows a filler: by its type, or not at all where the parameter starts with zeros."""
    return "" if filler.type == "constant" and filler.value == 0 else filler.type


def _values(p: LayerView, index: int, shape: Shape) -> Message | None:
    """The numbers the prototxt itself gives the parameter."""
    if index >= len(p.layer.blobs):
        return None
    values = p.layer.blobs[index]
    count = len(values.double_data) or len(values.data)
    p.require(count == math.prod(shape), "blobs", f"blob {index} holds {count} numbers, its shape is {list(shape)}")
    return values


def _first(a: float | None, b: float | None) -> float | None:
    return b if a is None else a


def _if_set(spec: Any, field: str) -> float | None:
    """A field of a ParamSpec if it is set."""
    return getattr(spec, field) if spec.HasField(field) else None
