"""The schema says exactly what the formats are: every message, field, number, type, default and enum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tcaffe.schema import caffe_pb2

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())
REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "schema.json"
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


@pytest.mark.skipif(not REFERENCE.is_file(), reason="the full reference is not here")
def test_the_recorded_facts_are_the_reference() -> None:
    reference = json.loads(REFERENCE.read_text())
    keys = ("number", "label", "type", "default", "packed")
    fields = {
        name: {f["name"]: [f[key] or False if key == "packed" else f[key] for key in keys] for f in message["fields"]}
        for name, message in reference["messages"].items()
    }
    enums = {name: {v["name"]: v["number"] for v in enum["values"]} for name, enum in reference["enums"].items()}
    assert fields == FACTS["messages"]
    assert enums == FACTS["enums"]


NET = """
name: "net"
layer {
  name: "c" type: "Convolution" bottom: "x" top: "y" param { lr_mult: 0.5 } blobs { shape { dim: 2 } data: [1, 2] }
  convolution_param { num_output: 4 kernel_size: [3, 5] weight_filler { type: "xavier" variance_norm: AVERAGE } }
}
layers { name: "old" type: POOLING pooling_param { pool: AVE } layer { type: "pool" } }
"""


def other_schema() -> Any:
    """NetParameter of a schema that calls itself package caffe, as Caffe's own module does."""
    pool = descriptor_pool.Default()
    file = descriptor_pb2.FileDescriptorProto()
    caffe_pb2.DESCRIPTOR.CopyToProto(file)
    text = str(file).replace("tcaffe/schema/caffe.proto", "caffe.proto").replace("tcaffe", "caffe")
    pool.AddSerializedFile(text_format.Parse(text, descriptor_pb2.FileDescriptorProto()).SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))


def test_another_schema_of_the_same_files_may_be_loaded_too() -> None:
    ours, theirs = (text_format.Parse(NET, message()) for message in (caffe_pb2.NetParameter, other_schema()))
    assert ours.SerializeToString() == theirs.SerializeToString()
    assert str(ours) == str(theirs)
    assert caffe_pb2.NetParameter.FromString(theirs.SerializeToString()) == ours


def test_files_packed_or_not_are_read() -> None:
    blob = caffe_pb2.BlobProto.FromString(bytes.fromhex("2d0000803f 2a080000004000004040"))
    assert list(blob.data) == [1, 2, 3]
    assert blob.SerializeToString() == bytes.fromhex("2a0c 0000803f 00000040 00004040")
