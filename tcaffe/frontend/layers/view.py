"""What a layer's rule sees of its layer: fields with their defaults, a place for parameters, a way to refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tcaffe.diagnostics import CompileError, Diagnostic, Span, suggest
from tcaffe.frontend.bound import FieldPath
from tcaffe.frontend.foreign import ForeignFields
from tcaffe.frontend.layers.registry import LayerType
from tcaffe.frontend.scalars import BadValueError
from tcaffe.frontend.text import Entry
from tcaffe.ir.node import Node
from tcaffe.ir.ops import input_
from tcaffe.schema import caffe_pb2

Shape = tuple[int, ...]
T = TypeVar("T")
Locate = Callable[..., Span | None]
MESSAGES = {f.name: f.message_type.fields_by_name for f in caffe_pb2.LayerParameter.DESCRIPTOR.fields if f.message_type}
MOST_ELEMENTS = 2**31 - 1
MOST_AXES = 32
LEGACY_AXES = 4  # as many as the oldest layers can tell apart


class Surroundings(Protocol):
    """What a layer needs of the net around it."""

    @property
    def has_host(self) -> bool:
        """Whether there is a host, which runs layers outside of the graph."""

    def blob(self, p: LayerView, role: str, shape: Shape, filler: Message | None, learned: bool) -> Node:
        """The parameter of the layer that is next in order."""

    def state(self, p: LayerView, role: str, shape: Shape, start: Message | None) -> Node:
        """What the layer carries from pass to pass."""

    def update(self, state: Node, value: Node) -> None:
        """`state` holds `value` after the layer has run."""

    def random(self, shape: Shape) -> Node:
        """Random numbers from 0 up to, not including, 1, others at every pass."""

    def host(self, p: LayerView, shapes: Sequence[Shape]) -> tuple[Sequence[Shape], Sequence[Shape]]:
        """What the host says of a layer it runs: the shapes of its tops and of its parameters."""

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

    def __init__(
        self, layer: Any, kind: LayerType, phase: str, net: Surroundings, locate: Locate, foreign: ForeignFields
    ) -> None:
        self.layer = layer
        self.kind = kind
        self.phase = phase
        self._net = net
        self._locate = locate
        self._foreign = foreign
        self._messages = kind.messages or foreign.named_like(kind.name)

    def __getattr__(self, name: str) -> Any:
        message, field = self._field(name)
        return _plain(getattr(getattr(self.layer, message), name), field)

    @property
    def tops(self) -> int:
        """How many tops the prototxt names."""
        return len(self.layer.top)

    def knows(self, name: str) -> bool:
        """Whether the layer's message has such a field at all."""
        return any(name in MESSAGES.get(message, ()) for message in self._messages)

    def has(self, name: str) -> bool:
        """Whether the prototxt sets the field; a repeated field is set when it has an entry."""
        message, field = self._field(name)
        owner = getattr(self.layer, message)
        return bool(getattr(owner, name)) if field.is_repeated else owner.HasField(name)

    def foreign(self, name: str, default: T, of: type | None = None) -> T:
        """A field that Caffe's schema does not have, in the layer's own message or in the layer; else `default`.

        The type of the default is the type of the field: bool, int, float, str (also for the name of an enum's value),
        a protobuf message, or dict for a message of any fields. A default that is a tuple stands for a field given any
        number of times, each value a bool, int ... as `of` says.
        """
        _, entries = self._foreign.find(name, self._messages)
        single = not isinstance(default, tuple)
        if single and len(entries) > 1:
            self.fail(name, f"`{name}` is given {len(entries)} times", code="E0205")
        try:
            values: Any = tuple(self._foreign.value(entry, of or type(default)) for entry in entries)
        except BadValueError as bad:
            self.fail(name, bad.message, bad.note, code=bad.code, suggestion=bad.suggestion)
        return (values[0] if single else values) if values else default

    def unread(self) -> Iterator[tuple[FieldPath, Entry]]:
        """The foreign fields that the rule has not asked for, in the layer and in its own messages."""
        return self._foreign.unread(self._messages)

    def likely(self, name: str) -> str:
        """A sentence with the foreign field the rule asks for that `name` may stand for; empty if there is none."""
        return suggest(name, self._foreign.asked())

    def blob(self, role: str, shape: Shape, filler: Message | None = None, *, learned: bool = True) -> Node:
        """The next parameter of the layer, called `<layer>.<role>` and first filled by `filler` (zeros if None).

        Parameters that are not `learned` are state, such as running statistics.
        """
        return self._net.blob(self, role, self.sized(shape), filler, learned)

    def state(self, role: str, shape: Shape, start: Message | None = None) -> Node:
        """What the layer carries from one pass to the next; weights files know nothing of it.

        At first it holds the numbers of `start`, a BlobProto, or zeros.
        """
        return self._net.state(self, role, self.sized(shape), start)

    def update(self, state: Node, value: Node) -> None:
        """Let a state, or a parameter that is not learned, hold `value` after each run of the layer."""
        self._net.update(state, value)

    def random(self, shape: Shape) -> Node:
        """Random numbers from 0 up to, not including, 1: others for each call, layer and pass of the net."""
        return self._net.random(self.sized(shape))

    @property
    def has_host(self) -> bool:
        """Whether there is a host, which runs layers outside of the graph."""
        return self._net.has_host

    def host(self, *bottoms: Node) -> tuple[Sequence[Shape], Sequence[Shape]]:
        """The shapes of the tops and of the parameters of a layer that the host runs, if there is one that does."""
        return self._net.host(self, [x.shape for x in bottoms])

    def input(self, top: int, shape: Shape | None, note: str = "") -> Node:
        """The input of the graph that feeds the top of that index, of `shape` unless the caller asked for another.

        A shape of None must come from the caller; `note` says why the prototxt does not tell it.
        """
        name = self.layer.top[top]
        wanted = self._net.input_shape(name, shape)
        if wanted is None:
            suggestion = f"give it, for example --input {name}=1x3x224x224"
            self.fail("", f"the shape of blob `{name}` is not known", note, code="E0312", suggestion=suggestion)
        if min(wanted, default=1) <= 0:
            self.fail("", f"blob `{name}` would have no elements: its shape is {list(wanted)}", code="E0312")
        return input_(shape=self.sized(wanted), name=name)

    def is_fed(self, top: int) -> bool:
        """Whether the caller gives this top a shape, and so wants to feed it."""
        return self._net.is_fed(self.layer.top[top])

    def constant(self, value: float) -> Message:
        """A filler that fills with `value`."""
        return caffe_pb2.FillerParameter(type="constant", value=value)

    def axis_of(self, x: Node, field: str = "axis") -> int:
        """The axis of `x` that a field names, counted from the front; in the field, -1 is the last axis."""
        axis: int = getattr(self, field)
        rank = len(x.shape)
        if not -rank <= axis < rank:
            note = f"an axis is from {-rank} to {rank - 1}" if rank else "the blob is a single number"
            self.fail(field, f"axis {axis} is out of range for a blob of shape {list(x.shape)}", note, code="E0403")
        return axis % rank

    def positive(self, field: str) -> int:
        """The number in a field, which must be at least 1."""
        value: int = getattr(self, field)
        self.require(value > 0, field, f"{field} must be at least 1" + (f", not {value}" if self.has(field) else ""))
        return value

    def require_axes(self, x: Node, least: int, most: int) -> None:
        """Refuse a bottom with fewer than `least` or more than `most` axes."""
        wanted = f"{least}" if least == most else f"{least} to {most}"
        fits = least <= len(x.shape) <= most
        self.require(
            fits, "", f"the bottom has shape {list(x.shape)}", f"{self.kind.name} takes blobs of {wanted} axes"
        )

    def require_alike(self, bottoms: Sequence[Node], but: int | None = None, note: str = "") -> None:
        """Refuse bottoms whose shapes differ, on any axis but `but`."""
        first = bottoms[0].shape
        where = "in shape" if but is None else f"in all axes but {but}"
        for i, x in enumerate(bottoms):
            alike = len(x.shape) == len(first) and all(
                m == n or axis == but for axis, (m, n) in enumerate(zip(x.shape, first, strict=True))
            )
            shapes = f"bottom 0 has shape {list(first)}, bottom {i} has {list(x.shape)}"
            self.require(alike, "", shapes, note or f"the bottoms of {self.kind.name} must agree {where}")

    def sized(self, shape: Shape) -> Shape:
        """`shape`, if a blob can have it."""
        if len(shape) > MOST_AXES:
            self.fail("", f"a blob has at most {MOST_AXES} axes, not {len(shape)}", code="E0404")
        if math.prod(shape) > MOST_ELEMENTS:
            note = f"a blob has at most {MOST_ELEMENTS} elements"
            self.fail("", f"a blob of shape {list(shape)} is too large", note, code="E0404")
        return shape

    def require(self, ok: bool, field: str, message: str, note: str = "") -> None:
        """Refuse the layer with `message` unless `ok`."""
        if not ok:
            self.fail(field, message, note)

    def span(self, field: str = "") -> Span | None:
        """Where the prototxt sets a field of the layer or of its own message; without a field, where the layer is."""
        if not field or field in MESSAGES:
            return self._locate(*filter(None, (field,)))
        path, _ = self._foreign.find(field, self._messages)
        return self._locate(*(path or (self._field(field)[0], field)))

    def span_at(self, path: FieldPath) -> Span | None:
        """Where the prototxt sets the field at a path within the layer."""
        return self._locate(*path)

    def fail(self, field: str, message: str, note: str = "", *, code: str = "", suggestion: str = "") -> NoReturn:
        """Refuse the layer because of a field; without one, because of what its bottoms are (E0402)."""
        code = code or ("E0401" if field else "E0402")
        message = f"layer `{self.layer.name}`: {message}"
        raise CompileError([Diagnostic(code, message, self.span(field), note, suggestion)])

    def _field(self, name: str) -> tuple[str, Any]:
        """The message that holds a field, and the field's descriptor."""
        for message in self._messages if not name.startswith("_") else ():
            if field := MESSAGES.get(message, {}).get(name):
                return message, field
        raise AttributeError(f"layer type {self.kind.name} has no field {name}")


def _plain(value: Any, field: Any) -> Any:
    """The value of a field as plain Python."""
    if field.is_repeated:
        return tuple(_single(v, field) for v in value)
    return _single(value, field)


def _single(value: Any, field: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return float(str(np.float32(value)))
    if field.type == FieldDescriptor.TYPE_ENUM:
        return field.enum_type.values_by_number[value].name
    return value
