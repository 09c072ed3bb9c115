"""Protobuf's wire format, read in place: fields as pieces of the mapped file, nothing copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}
MAX_VARINT = 10  # bytes


class WireError(Exception):
    """The bytes are not what was expected: `offset` is where, counted from the start of the file."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its number, its wire type, and where it stands.

    Its key is at `tag`, its value the bytes in [start, end); `value` is the number of a varint.
    """

    number: int
    kind: int
    tag: int
    start: int
    end: int
    value: int = 0


def fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in [start, end), in their order; raises WireError."""
    while start < end:
        field = read_field(data, start, end)
        yield field
        start = field.end


def read_field(data: memoryview, tag: int, end: int) -> Field:
    """The field whose key is at `tag`, of a message that ends at `end`; raises WireError."""
    key, start = varint(data, tag, end)
    number, kind = key >> 3, key & 7
    if number == 0:
        raise WireError("a field with the number 0", tag)
    if kind == VARINT:
        value, after = varint(data, start, end)
        return Field(number, kind, tag, start, after, value)
    if kind == BYTES:
        size, start = varint(data, start, end)
    elif kind in FIXED:
        size = FIXED[kind]
    else:
        raise WireError(f"a field of the unknown kind {kind}", tag)
    if size > end - start:
        raise WireError(f"a field of {size} bytes where {end - start} are left", tag)
    return Field(number, kind, tag, start, start + size)


def varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """The number of variable length at `at`, and where it ends; raises WireError."""
    value = 0
    for k in range(min(MAX_VARINT, end - at)):
        byte = data[at + k]
        value |= (byte & 0x7F) << (7 * k)
        if byte < 0x80:
            return value & (2**64 - 1), at + k + 1
    raise WireError("a number that does not end", at)


def signed(value: int) -> int:
    """A varint of 64 bits as the int32 or int64 it stands for."""
    return value - 2**64 if value >= 2**63 else value


def key(number: int, kind: int) -> bytes:
    """What a field starts with."""
    return to_varint(number << 3 | kind)


def to_varint(value: int) -> bytes:
    """A number, not negative, as it is written."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
