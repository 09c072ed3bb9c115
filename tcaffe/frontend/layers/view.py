"""What a layer's rule sees of its layer: fields with their defaults, a place for parameters, a way to refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tcaffe.diagnostics import CompileError, Diagnostic, Span
from tcaffe.frontend.layers.registry import LayerType
from tcaffe.ir.node import Node
from tcaffe.ir.ops import input_
from tcaffe.schema import caffe_pb2

Shape = tuple[int, ...]
Locate = Callable[..., Span | None]
MOST_ELEMENTS = 2**31 - 1


class Surroundings(Protocol):
    """What a layer needs of the net around it."""

    def blob(self, p: LayerView, role: str, shape: Shape, filler: Message | None, learned: bool) -> Node:
        """The parameter of the layer that is next in order."""

    def input_shape(self, top: str, default: Shape | None) -> Shape | None:
        """The shape of the graph's input `top`: `default` unless the caller says otherwise."""

    def is_fed(self, top: str) -> bool:
        """Whether the caller gives `top` a shape."""


class LayerView:
    """A layer as its rule sees it.

    Attributes not listed here read the fields of the layer's own message (`p.alpha`): a field that is not set
    has its default, an enum is its name, a repeated field is a tuple, a float is the shortest number that
    stands for its 32 bits.
    """

    def __init__(self, layer: Any, kind: LayerType, phase: str, net: Surroundings, locate: Locate) -> None:
        self.layer = layer
        self.kind = kind
        self.phase = phase
        self._net = net
        self._locate = locate

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not (found := self._field(name)):
            raise AttributeError(f"layer type {self.kind.name} has no field {name}")
        message, field = found
        return _plain(getattr(getattr(self.layer, message), name), field)

    @property
    def tops(self) -> int:
        """How many tops the prototxt names."""
        return len(self.layer.top)

    def has(self, name: str) -> bool:
        """Whether the prototxt sets the field; a repeated field is set when it has an entry."""
        message, field = self._field(name) or self._unknown(name)
        owner = getattr(self.layer, message)
        return bool(getattr(owner, name)) if field.is_repeated else owner.HasField(name)

    def blob(self, role: str, shape: Shape, filler: Message | None = None, *, learned: bool = True) -> Node:
        """The next parameter of the layer, called `<layer>.<role>` and first filled by `filler` (zeros if None).

        Parameters that are not `learned` are state, such as running statistics.
        """
        return self._net.blob(self, role, self.sized(shape), filler, learned)

    def input(self, top: int, shape: Shape | None, note: str = "") -> Node:
        """The input of the graph that feeds the top of that index, of `shape` unless the caller asked for another.

        A shape of None must come from the caller; `note` says why the prototxt does not tell it.
        """
        name = self.layer.top[top]
        wanted = self._net.input_shape(name, shape)
        if wanted is None:
            self.fail("", f"the shape of blob `{name}` is not known", note=note, code="E0312",
                      suggestion=f"give it, for example --input {name}=1x3x224x224")
        if min(wanted, default=1) <= 0:
            self.fail("shape", f"blob `{name}` would have no elements: its shape is {list(wanted)}", code="E0312")
        return input_(shape=self.sized(wanted), name=name)

    def is_fed(self, top: int) -> bool:
        """Whether the caller gives this top a shape, and so wants to feed it."""
        return self._net.is_fed(self.layer.top[top])

    def constant(self, value: float) -> Message:
        """A filler that fills with `value`."""
        return caffe_pb2.FillerParameter(type="constant", value=value)

    def axis_of(self, x: Node, value: int | None = None, field: str = "axis", *, end: bool = False) -> int:
        """`value` (by default the field's) as an axis of `x` counted from the front; `end` allows the place after the last."""
        axis = getattr(self, field) if value is None else value
        rank = len(x.shape)
        if not -rank <= axis < rank + end:
            self.fail(field, f"axis {axis} is out of range for a blob of shape {list(x.shape)}",
                      note=f"an axis is from {-rank} to {rank - 1 + end}", code="E0403")
        return axis + rank if axis < 0 else axis

    def sized(self, shape: Shape) -> Shape:
        """`shape`, if a blob can have it."""
        if len(shape) > 32:
            self.fail("", f"a blob has at most 32 axes, not {len(shape)}", code="E0404")
        if np.prod(shape, dtype=object) > MOST_ELEMENTS:
            self.fail("", f"a blob of shape {list(shape)} is too large", note="a blob has at most 2147483647 elements",
                      code="E0404")
        return shape

    def require(self, ok: bool, field: str, message: str, note: str = "") -> None:
        """Refuse the layer with `message` unless `ok`."""
        if not ok:
            self.fail(field, message, note=note)

    def span(self, field: str = "") -> Span | None:
        """Where the prototxt sets the field, else where it says the layer's type."""
        found = self._field(field) if field else None
        path = (found[0], field) if found else (field,) if field else ()
        return self._locate(*path)

    def fail(self, field: str, message: str, *, note: str = "", code: str = "E0401", suggestion: str = "") -> NoReturn:
        """Refuse the layer because of a field (or all of it, if `field` is empty)."""
        raise CompileError([Diagnostic(code, f"layer `{self.layer.name}`: {message}", self.span(field), note, suggestion)])

    def _field(self, name: str) -> tuple[str, FieldDescriptor] | None:
        """The message that holds a field, and the field."""
        fields = type(self.layer).DESCRIPTOR.fields_by_name
        for message in self.kind.messages:
            if field := fields[message].message_type.fields_by_name.get(name):
                return message, field
        return None

    def _unknown(self, name: str) -> NoReturn:
        raise AttributeError(f"layer type {self.kind.name} has no field {name}")


def _plain(value: Any, field: FieldDescriptor) -> Any:
    """The value of a field as plain Python."""
    if field.is_repeated:
        return tuple(_single(v, field) for v in value)
    return _single(value, field)


def _single(value: Any, field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return float(str(np.float32(value)))
    if field.type == FieldDescriptor.TYPE_ENUM:
        return field.enum_type.values_by_number[value].name
    return value
