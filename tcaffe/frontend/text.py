"""The protobuf text format as a generic tree, before any schema is known: `parse_text`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from tcaffe.diagnostics import CompileError, Diagnostic, Source
from tcaffe.frontend.recovery import Recovery

Place = tuple[int, int]  # offset and length, in characters
MOST_NESTED = 100  # messages within messages, as in protobuf's own readers


class Scalar(NamedTuple):
    """A value as written: a number, a word, a placeholder, or string literals (one blank between adjacent ones)."""

    kind: str  # NAME, NUMBER, PLACEHOLDER or STRING, as in the grammar
    raw: str
    start: int
    end: int


class Field(NamedTuple):
    """`name: value`, `name { ... }` or, if `listed`, `name: [value, ...]`; `start` is the offset of the name."""

    name: str
    values: tuple[Scalar | Message, ...]
    listed: bool
    start: int


class Entry(NamedTuple):
    """One value and the field it stands in."""

    field: Field
    value: Scalar | Message

    @property
    def place(self) -> Place:
        """What to show for it: a scalar itself, the name of a message."""
        if isinstance(self.value, Scalar):
            return self.value.start, self.value.end - self.value.start
        return self.field.start, len(self.field.name)


@dataclass(frozen=True)
class Message:
    """The fields between two braces, or of a whole text, in the order written."""

    fields: tuple[Field, ...]
    height: int = 1  # messages on the longest way down, this one included

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """All values of each field name in order, lists taken apart."""
        found: dict[str, list[Entry]] = {}
        for field in self.fields:
            found.setdefault(field.name, []).extend([Entry(field, value) for value in field.values])
        return found


def read_source(data: str | bytes, file: str) -> Source:
    """A text without its byte-order mark; bytes that are not UTF-8 stay in it as lone surrogates."""
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    return Source(file, text.removeprefix("\ufeff"))


def parse_text(source: Source) -> Message:
    """The tree of a text; raises CompileError with all syntax errors, up to a limit."""
    recovery = Recovery(source)
    try:
        message: Message = _PARSER.parse(source.text, on_error=recovery)  # type: ignore[assignment]
    except UnexpectedInput:  # the recovery gave up, and has said why
        raise CompileError(recovery.reporter.diagnostics) from None
    except _TooDeepError as error:
        message_ = f"messages are nested more than {MOST_NESTED} deep"
        raise CompileError([Diagnostic("E0108", message_, source.span(error.start))]) from None
    recovery.reporter.raise_if_errors()
    return message


class _TooDeepError(Exception):
    """A message nests deeper than MOST_NESTED; `start` is the offset of the field that holds it."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class _Builder(Transformer[Token, Message]):
    """Builds the tree while the text is parsed, one method a grammar rule."""

    def start(self, fields: list[Field]) -> Message:
        return self.message(fields)

    def message(self, fields: list[Field]) -> Message:
        height = 0
        for field in fields:
            for value in field.values:
                if type(value) is Message and value.height > height:
                    height = value.height
                    if height > MOST_NESTED:
                        raise _TooDeepError(field.start)
        return Message(tuple(fields), height + 1)

    def field(self, parts: list[Any]) -> Field:
        name, value = parts
        listed = type(value) is list
        values = tuple(map(_scalar, value)) if listed else (_scalar(value),)
        return Field(name.value, values, listed, name.start_pos)

    def values(self, values: list[Any]) -> list[Any]:
        return values

    def string(self, literals: list[Token]) -> Scalar | Token:
        if len(literals) == 1:
            return literals[0]
        places = [_scalar(literal) for literal in literals]
        return Scalar("STRING", " ".join(literals), places[0].start, places[-1].end)


def _scalar(value: Any) -> Any:
    """A token as a scalar; what is built already, as it is."""
    built = isinstance(value, Scalar | Message)
    return value if built else Scalar(value.type, value.value, value.start_pos, value.end_pos)


_PARSER = Lark.open("prototxt.lark", rel_to=__file__, parser="lalr", transformer=_Builder())
