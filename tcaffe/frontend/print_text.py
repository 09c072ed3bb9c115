"""From a message back to prototxt, as people write it: `print_text`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as Typed

from tcaffe.frontend.bound import FieldPath
from tcaffe.frontend.literals import quote
from tcaffe.frontend.text import Message, Scalar

_INDENT = "  "


def print_text(message: Typed, extras: Mapping[FieldPath, Message] | None = None) -> str:
    """The text of a message: fields by number, enums by name, the shortest digits that give the same number.

    `extras` are fields the schema does not know, by the path of the message they stand in (see `Bound`); they follow
    the known ones. Reading the text gives the same message and extras.
    """
    return "".join(f"{line}\n" for line in _lines(message, (), extras or {}))


def _lines(message: Typed, path: FieldPath, extras: Mapping[FieldPath, Message]) -> Iterator[str]:
    for field, value in message.ListFields():
        for index, item in enumerate(value if field.is_repeated else [value]):
            if field.message_type:
                place = (*path, field.name, index) if field.is_repeated else (*path, field.name)
                yield from _braced(field.name, _lines(item, place, extras))
            else:
                yield f"{field.name}: {_scalar(field, item)}"
    if path in extras:
        yield from _tree_lines(extras[path])


def _tree_lines(tree: Message) -> Iterator[str]:
    """The lines of a tree, its scalars as they were written."""
    for field in tree.fields:
        scalars = [value.raw for value in field.values if isinstance(value, Scalar)]
        if field.listed and len(scalars) == len(field.values):
            yield f"{field.name}: [{', '.join(scalars)}]"
            continue
        for value in field.values:
            if isinstance(value, Scalar):
                yield f"{field.name}: {value.raw}"
            else:
                yield from _braced(field.name, _tree_lines(value))


def _braced(name: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"{name} {{"
    yield from (_INDENT + line for line in lines)
    yield "}"


def _scalar(field: FieldDescriptor, value: Any) -> str:
    """One value as its field writes it."""
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    if isinstance(value, str | bytes):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        single = field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT
        return (str(np.float32(value)) if single else repr(value)).removesuffix(".0")
    return str(value)
