"""From a scalar as written to the value of a protobuf field, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as F

from tcaffe.diagnostics import suggest
from tcaffe.frontend.forks import fork_note
from tcaffe.frontend.literals import EscapeError, integer, real, unquote
from tcaffe.frontend.text import Message, Scalar

_RANGES = {
    F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    F.CPPTYPE_UINT32: (0, 2**32 - 1),
    F.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_BOOLS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}
_WORDS = {"inf", "infinity", "nan"}
_TAKES = {
    F.CPPTYPE_BOOL: "true or false",
    F.CPPTYPE_STRING: "a string in quotes",
    F.CPPTYPE_FLOAT: "a number",
    F.CPPTYPE_DOUBLE: "a number",
    F.CPPTYPE_MESSAGE: "a message `{ ... }`",
}


class BadValueError(Exception):
    """A scalar that its field cannot hold, as the parts of a diagnostic.

    `offset` and `length` say which characters of the scalar are guilty; a length of 0 means all of it.
    """

    def __init__(
        self, code: str, message: str, note: str = "", suggestion: str = "", offset: int = 0, length: int = 0
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.note, self.suggestion = code, message, note, suggestion
        self.offset, self.length = offset, length


def converter(field: F) -> Callable[[Scalar], Any]:
    """The function from a scalar to a value of `field`; it raises BadValueError."""
    makers = {
        F.CPPTYPE_BOOL: _bool,
        F.CPPTYPE_FLOAT: _float,
        F.CPPTYPE_DOUBLE: _float,
        F.CPPTYPE_ENUM: _enum,
        F.CPPTYPE_STRING: _string,
    }
    return makers.get(field.cpp_type, _int)(field)


def takes(field: F) -> str:
    """What may be written for a field, in plain words."""
    if field.enum_type:
        return f"one of {', '.join(field.enum_type.values_by_name)}"
    return _TAKES.get(field.cpp_type, "a whole number")


def plain(tree: Message) -> dict[str, Any]:
    """A tree without a schema as plain values; raises BadValueError.

    Numbers become int or float, true and false bool, strings and other words str, messages dict. A name that is given
    once has its value; a name that is given several times, or as a list, has a list.
    """
    found: dict[str, Any] = {}
    for name, entries in tree.entries.items():
        values = [plain_value(entry.value) for entry in entries]
        single = len(values) == 1 and not entries[0].field.listed
        found[name] = values[0] if single else values
    return found


def plain_value(value: Scalar | Message) -> Any:
    """One value of a tree without a schema, as `plain` gives it; raises BadValueError."""
    if isinstance(value, Message):
        return plain(value)
    if value.kind == "PLACEHOLDER":
        raise _placeholder(value)
    if value.kind == "STRING":
        return _unquoted(value).decode("utf-8", "replace")
    if value.kind == "NUMBER":
        whole = integer(value.raw)
        return real(value.raw) if whole is None else whole
    return real(value.raw) if value.raw.lower() in _WORDS else {"true": True, "false": False}.get(value.raw, value.raw)


def _int(field: F) -> Callable[[Scalar], int]:
    low, high = _RANGES[field.cpp_type]

    def convert(scalar: Scalar) -> int:
        value = integer(scalar.raw) if scalar.kind == "NUMBER" else None
        if value is None:
            raise _wrong(field, scalar)
        if not low <= value <= high:
            raise BadValueError("E0204", f"`{field.name}` cannot be {_short(scalar.raw)}", f"it holds {low} to {high}")
        return value

    return convert


def _float(field: F) -> Callable[[Scalar], float]:
    def convert(scalar: Scalar) -> float:
        if scalar.kind == "NUMBER" or (scalar.kind == "NAME" and scalar.raw.lower() in _WORDS):
            value = real(scalar.raw)
            if value is not None:
                return value
        raise _wrong(field, scalar)

    return convert


def _bool(field: F) -> Callable[[Scalar], bool]:
    def convert(scalar: Scalar) -> bool:
        value = _BOOLS.get(scalar.raw) if scalar.kind == "NAME" else None
        if value is None and scalar.kind == "NUMBER" and integer(scalar.raw) in (0, 1):
            value = integer(scalar.raw) == 1
        if value is None:
            raise _wrong(field, scalar)
        return value

    return convert


def _enum(field: F) -> Callable[[Scalar], int]:
    assert field.enum_type
    numbers = {value.name: value.number for value in field.enum_type.values}

    def convert(scalar: Scalar) -> int:
        if scalar.kind == "NAME" and scalar.raw in numbers:
            return numbers[scalar.raw]
        if scalar.kind == "NUMBER" and (number := integer(scalar.raw)) in numbers.values():
            return number  # type: ignore[return-value]
        if scalar.kind not in ("NAME", "NUMBER"):
            raise _wrong(field, scalar)
        message = f"`{field.name}` cannot be `{_short(scalar.raw)}`"
        notes = [fork_note(f"{field.name}={scalar.raw}"), f"it takes {takes(field)}"]
        raise BadValueError("E0202", message, "; ".join(filter(None, notes)), suggest(scalar.raw, numbers))

    return convert


def _string(field: F) -> Callable[[Scalar], str | bytes]:
    def convert(scalar: Scalar) -> str | bytes:
        if scalar.kind != "STRING":
            raise _wrong(field, scalar)
        value = _unquoted(scalar)
        try:
            return value if field.type == F.TYPE_BYTES else value.decode()
        except UnicodeDecodeError:
            note = "save the file as UTF-8, and write bytes as escapes only where a field takes bytes"
            raise BadValueError("E0209", f"`{field.name}` is not UTF-8", note) from None

    return convert


def _unquoted(scalar: Scalar) -> bytes:
    """The bytes of a string."""
    try:
        return unquote(scalar.raw)
    except EscapeError as error:
        exact = len(scalar.raw) == scalar.end - scalar.start  # else its literals stand further apart
        place = (error.offset, len(error.escape)) if exact else (0, 0)
        raise BadValueError("E0109", f"`{error.escape}` is no escape", _ESCAPES, "", *place) from None


_ESCAPES = "escapes are \\n \\t \\r \\a \\b \\f \\v \\\\ \\' \\\" \\? \\101 (octal) \\x41 \\u0041 \\U00000041"


def _wrong(field: F, scalar: Scalar) -> BadValueError:
    """A value of the wrong kind."""
    raw = _short(scalar.raw)
    if scalar.kind == "PLACEHOLDER":
        return _placeholder(scalar)
    message = f"`{field.name}` takes {takes(field)}, not `{raw}`"
    return BadValueError("E0203", message, suggestion=_better(field, scalar))


def _placeholder(scalar: Scalar) -> BadValueError:
    note = "this file is a template: replace its placeholders with values first"
    return BadValueError("E0207", f"`{_short(scalar.raw)}` is a placeholder, not a value", note)


def _better(field: F, scalar: Scalar) -> str:
    """How a value of the wrong kind is written right, if that is clear."""
    if field.cpp_type == F.CPPTYPE_STRING:
        return f'put it in quotes: `"{_short(scalar.raw)}"`'
    if scalar.kind == "STRING" and (bare := scalar.raw.strip("\"'")):
        return f"write it without quotes: `{_short(bare)}`"
    if scalar.kind == "NUMBER":
        value = real(scalar.raw) if field.cpp_type in _RANGES else integer(scalar.raw)
        if value is not None and value == value // 1 and abs(value) < 2**32:
            return f"write `{int(value)}`"
    return ""


def _short(raw: str) -> str:
    return raw if len(raw) <= 40 else raw[:40] + "…"
