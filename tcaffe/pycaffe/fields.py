"""Keyword arguments of a layer as fields of its message: where a name belongs, and how a value is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import Message

from tcaffe.diagnostics import suggest
from tcaffe.frontend.layers import CAFFE_TYPES, LAYERS
from tcaffe.schema.caffe_pb2 import LayerParameter

FIELDS = LayerParameter.DESCRIPTOR.fields_by_name
MESSAGES: dict[str, Any] = {name: field.message_type for name, field in FIELDS.items() if name.endswith("_param")}
OWN = {message.name.removesuffix("Parameter"): name for name, message in MESSAGES.items()}
"""The field of LayerParameter with the message of a layer type, found by the message's name: InnerProductParameter."""


def set_parameters(layer: LayerParameter, params: Mapping[str, Any]) -> None:
    """Set what `params` say on a layer that has its type.

    Names that end in `param` are fields of the layer. Any other is a field of the message of the layer's type, or of
    the layer where that message has no such field. A dict is a message, a list a repeated field; one value will do
    for a field that is repeated. Raises AttributeError for a field that is not there, TypeError and ValueError for a
    value that does not fit.
    """
    where = f"layer `{params.get('name', layer.name)}` ({layer.type})"
    own = OWN.get(layer.type, "")
    for name, value in params.items():
        if not name.endswith("param") and name in _fields_in(own):
            _set(getattr(layer, own), name, value, where)
        elif name in FIELDS:
            _set(layer, name, value, where)
        else:
            raise _no_field(where, name, _choices(name, own), _hint(layer.type, name))


def _set(message: Message, name: str, value: Any, where: str) -> None:
    """Set one field; `where` begins the texts of errors."""
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        raise _no_field(where, name, message.DESCRIPTOR.fields_by_name)
    where = f"{where}, {name}"
    if field.is_repeated:
        items = value if isinstance(value, list | tuple) else [value]
        for item in items:
            _append(getattr(message, name), item, where, nested=bool(field.message_type))
    elif field.message_type:
        _merge(getattr(message, name), value, where)
    else:
        with _placed(where):
            setattr(message, name, value)


def _append(values: Any, item: Any, where: str, *, nested: bool) -> None:
    if nested:
        _merge(values.add(), item, where)
    else:
        with _placed(where):
            values.append(item)


def _merge(message: Message, values: Any, where: str) -> None:
    """Set the fields that a dict names."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{where} takes a dict with fields of {message.DESCRIPTOR.name}, not {values!r}")
    for name, value in values.items():
        _set(message, name, value, where)


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """Let what protobuf says of a value begin with the field's place."""
    try:
        yield
    except TypeError as error:
        raise TypeError(f"{where}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _fields_in(message: str) -> Collection[str]:
    """The fields of a message of LayerParameter; none where it has no such message."""
    return MESSAGES[message].fields_by_name if message in MESSAGES else ()


def _no_field(where: str, name: str, choices: Collection[str], hint: str = "") -> AttributeError:
    hint = hint or suggest(name, choices)
    return AttributeError(f"{where} has no field `{name}`{hint and f': {hint}'}\n  it has: {', '.join(choices)}")


def _choices(name: str, own: str) -> list[str]:
    """The fields that a name of its kind could have meant."""
    if name.endswith("param"):
        return [field for field in FIELDS if field.endswith("param")]
    return [*_fields_in(own), *(field for field in FIELDS if not field.endswith("_param"))]


def _hint(layer_type: str, name: str) -> str:
    """What to do about a name that belongs elsewhere, or to a layer type that is spelled otherwise."""
    if layer_type not in CAFFE_TYPES | LAYERS.keys():
        return f"the type is not known; {suggest(layer_type, CAFFE_TYPES | LAYERS.keys())}".rstrip("; ")
    messages = LAYERS[layer_type].messages if layer_type in LAYERS else ()
    for message in messages:
        if name in _fields_in(message):
            return f"write {message}=dict({name}=...)"
    known = layer_type in CAFFE_TYPES or any(message in MESSAGES for message in messages)
    return "" if known else f"fields that only {layer_type} has can be written in prototxt, not in a LayerParameter"
