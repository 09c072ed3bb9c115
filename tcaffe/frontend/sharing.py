"""Learnable parameters and state of a net: their fillers, and how layers share them by name."""

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


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the net, as the layer that owns it declares it.

    `key` is the name it can be shared by, `filler` says how it starts unless `values` (a BlobProto of the prototxt)
    does. What is not `learned` is state: a layer changes it as it runs.
    """

    node: Node
    layer: str
    index: int
    key: str
    filler: Message
    learned: bool
    lr_mult: float | None
    decay_mult: float | None
    values: Message | None


class Parameters:
    """All parameters of a net in the order they first appear."""

    def __init__(self, unique: Callable[[str], str]) -> None:
        self.owned: list[Parameter] = []
        self._unique = unique
        self._shared: dict[str, int] = {}

    def take(self, p: LayerView, index: int, role: str, shape: Shape, filler: Message | None, learned: bool) -> Node:
        """The parameter of a layer at `index`: a new one, or the one its name stands for."""
        spec = p.layer.param[index] if index < len(p.layer.param) else caffe_pb2.ParamSpec()
        filler = filler or caffe_pb2.FillerParameter()
        if complaint := filler_complaint(filler, shape):
            p.fail("", complaint, code="E0405", suggestion=suggest(filler.type, FILLERS))
        if spec.name in self._shared:
            return self._share(p, spec, shape)
        if spec.name:
            self._shared[spec.name] = len(self.owned)
        name = self._unique(f"{p.layer.name or p.kind.name}.{role}")
        node = param(shape=shape, filler=_starts(filler), name=name)
        values = _values(p, index, shape)
        self.owned.append(
            Parameter(node, p.layer.name, index, spec.name, filler, learned, _set(spec, "lr_mult"), _set(spec, "decay_mult"), values)
        )
        return node

    def _share(self, p: LayerView, spec: Any, shape: Shape) -> Node:
        """The parameter of an earlier layer, after checking that it can be shared."""
        at = self._shared[spec.name]
        owner = self.owned[at]
        for field in ("lr_mult", "decay_mult"):
            mine, theirs = _set(spec, field), getattr(owner, field)
            if mine is not None and theirs is not None and mine != theirs:
                p.fail("param", f"parameter `{spec.name}` has {field} {mine:g} here and {theirs:g} in layer `{owner.layer}`",
                       code="E0311", note=f"layers that share a parameter must agree on its {field}")
            if theirs is None and mine is not None:
                owner = self.owned[at] = replace(owner, **{field: mine})
        if owner.node.shape == shape:
            return owner.node
        if spec.share_mode != caffe_pb2.ParamSpec.PERMISSIVE or owner.node.type.size != math.prod(shape):
            p.fail("param", f"parameter `{spec.name}` has shape {list(shape)} here and {list(owner.node.shape)} in layer `{owner.layer}`",
                   code="E0311", note="layers share a parameter of one shape; share_mode: PERMISSIVE asks for one number of elements only")
        return reshape(owner.node, shape=shape)


def _starts(filler: Any) -> str:
    """The filler as the graph shows it: its type, or nothing where the parameter starts with zeros."""
    return "" if filler.type == "constant" and filler.value == 0 else filler.type


def _values(p: LayerView, index: int, shape: Shape) -> Message | None:
    """The numbers the prototxt itself gives the parameter."""
    if index >= len(p.layer.blobs):
        return None
    values = p.layer.blobs[index]
    count = len(values.double_data) or len(values.data)
    if count != math.prod(shape):
        p.fail("blobs", f"blob {index} has {count} elements, shape {list(shape)} needs {math.prod(shape)}")
    return values


def _set(spec: Any, field: str) -> float | None:
    """A field of a ParamSpec if it is set."""
    return getattr(spec, field) if spec.HasField(field) else None
