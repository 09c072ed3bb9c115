"""Protobuf's wire format, read in place: fields as pieces of the mapped file, nothing copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}
MAX_VARINT = 10  # bytes


class WireError(Exception):
    """The bytes are not protobuf: `offset` is where, counted from the start of the file."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its number, its wire type, and where its value stands.

    `value` is the number of a varint; of any other type [start, end) are the bytes.
    """

    number: int
    kind: int
    tag: int
    start: int
    end: int
    value: int = 0


def fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in [start, end); raises WireError."""
    at = start
    while at < end:
        tag = at
        key, at = varint(data, at, end)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise WireError("field number 0", tag)
        if kind == VARINT:
            value, after = varint(data, at, end)
            yield Field(number, kind, tag, at, after, value)
        elif kind == BYTES:
            length, at = varint(data, at, end)
            after = at + length
            if after > end:
                raise WireError(f"a field of {length} bytes where only {end - at} are left", tag)
            yield Field(number, kind, tag, at, after)
        elif kind in FIXED:
            after = at + FIXED[kind]
            if after > end:
                raise WireError("the file ends inside a number", tag)
            yield Field(number, kind, tag, at, after)
        else:
            raise WireError(f"wire type {kind}", tag)
        at = after


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
    """A 64-bit varint as the int32 or int64 it stands for."""
    return value - 2**64 if value >= 2**63 else value
