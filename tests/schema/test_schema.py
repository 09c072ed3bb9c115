"""The schema says exactly what the formats are: every message, field, number, type, default and enum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tcaffe.schema import caffe_pb2

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())
TYPES = {number: name[5:].lower() for name, number in vars(FieldDescriptor).items() if name.startswith("TYPE_")}


def messages(descriptors: Any) -> dict[str, Descriptor]:
    found: dict[str, Descriptor] = {}
    for d in descriptors:
        found |= {d.full_name.removeprefix("tcaffe."): d, **messages(d.nested_types)}
    return found


MESSAGES = messages(caffe_pb2.DESCRIPTOR.message_types_by_name.values())


def described(field: FieldDescriptor) -> list[Any]:
    label = "repeated" if field.is_repeated else "required" if field.is_required else "optional"
    named = field.message_type or field.enum_type
    kind = named.full_name.removeprefix("tcaffe.") if named else TYPES[field.type]
    default: Any = None
    if field.has_default_value:
        default = field.enum_type.values_by_number[field.default_value].name if field.enum_type else field.default_value
    return [field.number, label, kind, default, field.is_packed if field.is_repeated else False]


def same(got: list[Any], want: list[Any]) -> bool:
    if isinstance(want[3], float) and isinstance(got[3], float):  # a float's default is rounded to 32 bits
        return [*got[:3], got[4]] == [*want[:3], want[4]] and abs(got[3] - want[3]) <= 1e-7 * abs(want[3])
    return got == want


def test_every_field() -> None:
    got = {name: {f.name: described(f) for f in d.fields} for name, d in MESSAGES.items()}
    assert got.keys() == FACTS["messages"].keys()
    wrong = [
        (name, field, got[name].get(field), facts)
        for name, fields in FACTS["messages"].items()
        for field, facts in fields.items()
        if field not in got[name] or not same(got[name][field], facts)
    ]
    assert wrong == []
    assert sum(map(len, got.values())) == sum(map(len, FACTS["messages"].values())) == 423


def test_every_enum() -> None:
    enums = {e.full_name.removeprefix("tcaffe."): e for e in caffe_pb2.DESCRIPTOR.enum_types_by_name.values()}
    for name, d in MESSAGES.items():
        enums |= {f"{name}.{e.name}": e for e in d.enum_types}
    assert {name: {v.name: v.number for v in e.values} for name, e in enums.items()} == FACTS["enums"]
