"""What the examples of early 2014 wrote within a data layer's own parameters, moved to where it belongs now."""

from __future__ import annotations

from tcaffe.frontend.text import Field, Message

DATA = ("data_param", "image_data_param", "window_data_param")
MOVED = "transform_param"


def lifted(net: Message) -> Message:
    """`layers { data_param { transform_param { ... } } }`  =>  `layers { data_param { } transform_param { ... } }`.

    A layer that has a transform_param of its own stays as it is.
    """
    fields = tuple(_of_layers(field) if field.name == "layers" else field for field in net.fields)
    return net if fields == net.fields else Message(fields, net.height)


def _of_layers(field: Field) -> Field:
    return field._replace(values=tuple(_layer(v) if isinstance(v, Message) else v for v in field.values))


def _layer(layer: Message) -> Message:
    if MOVED in layer.entries or not any(name in layer.entries for name in DATA):
        return layer
    moved: list[Field] = []
    fields = tuple(_without(field, moved) if field.name in DATA else field for field in layer.fields)
    return Message((*fields, *moved), layer.height) if moved else layer


def _without(field: Field, moved: list[Field]) -> Field:
    """The field without the transformations in its messages, which are added to `moved`."""
    values = []
    for value in field.values:
        if isinstance(value, Message):
            moved += [inner for inner in value.fields if inner.name == MOVED]
            value = Message(tuple(inner for inner in value.fields if inner.name != MOVED), value.height)
        values.append(value)
    return field._replace(values=tuple(values))
