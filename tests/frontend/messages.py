"""Random protobuf messages, and a message type with a field of every kind, for property tests."""

from __future__ import annotations

import math
import struct
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

_KINDS = "double float int64 uint64 int32 fixed64 fixed32 bool string bytes uint32 sfixed32 sfixed64 sint32 sint64"


def everything() -> type[Message]:
    """A message class with a single `x` and a repeated `xs` field of every scalar kind, an enum and itself."""
    file = descriptor_pb2.FileDescriptorProto(name="everything.proto", package="test", syntax="proto2")
    file.enum_type.add(name="Colour").value.add(name="RED", number=1)
    file.enum_type[0].value.add(name="BLUE", number=-2)
    message = file.message_type.add(name="Everything")
    for kind in [*_KINDS.split(), "enum", "message"]:
        for name, label in ((f"{kind}_x", "LABEL_OPTIONAL"), (f"{kind}_xs", "LABEL_REPEATED")):
            field = message.field.add(name=name, number=len(message.field) + 1)
            field.label = descriptor_pb2.FieldDescriptorProto.Label.Value(label)
            field.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
            if named := {"enum": ".test.Colour", "message": ".test.Everything"}.get(kind):
                field.type_name = named
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Everything"))


def random_messages(kind: type[Message], depth: int = 3) -> st.SearchStrategy[Any]:
    """Messages of the class `kind` with any of their fields set, `depth` messages within each other."""
    return st.builds(_built, st.just(kind), _fields(kind.DESCRIPTOR, depth))


def _built(kind: type[Message], values: dict[str, Any]) -> Message:
    return kind(**values)


def _fields(descriptor: Descriptor, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Values by field name, required fields always among them."""
    fields = [f for f in descriptor.fields if depth or not f.message_type]
    some = st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda f: f.name) if fields else st.just([])
    required = [f for f in fields if f.is_required]
    return some.flatmap(lambda chosen: st.fixed_dictionaries({f.name: _values(f, depth) for f in [*required, *chosen]}))


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    single = _fields(field.message_type, depth - 1) if field.message_type else _scalars(field)
    return st.lists(single, min_size=1, max_size=3) if field.is_repeated else single


def _scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type:
        return st.sampled_from([value.number for value in field.enum_type.values])
    bits = 64 if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64) else 32
    signed = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return {
        FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
        FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32),
        FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
        FieldDescriptor.CPPTYPE_STRING: st.binary() if field.type == FieldDescriptor.TYPE_BYTES else st.text(),
        FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
        FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    }.get(field.cpp_type, signed)


def same(a: Message, b: Message) -> bool:
    """Whether two messages are equal bit for bit, with every nan the same."""
    return _plain(a) == _plain(b)


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return [(f.name, [_plain(v) for v in (x if f.is_repeated else [x])]) for f, x in value.ListFields()]
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("d", value)
    return value
