"""Markup: the only way text gets into a page or a dot file, and every string is escaped on the way."""

from __future__ import annotations

import html
from collections.abc import Iterable

from tcaffe.diagnostics import printable

Value = str | int | float


class Markup(str):
    """A string that is markup already; any other string is text, and is escaped where it meets markup."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: Value) -> Markup:
    """`<tag attributes>children</tag>`. An attribute `class_` is written `class`, `data_k` is written `data-k`."""
    inner = "".join(map(escaped, children))
    return Markup(f"<{tag}{_attributes(attributes)}>{inner}</{tag}>")


def void(tag: str, **attributes: Value) -> Markup:
    """An element that has no content: `<rect .../>`, `<meta ...>`."""
    return Markup(f"<{tag}{_attributes(attributes)}/>")


def joined(parts: Iterable[str]) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(map(escaped, parts)))


def escaped(text: str) -> Markup:
    """Text as markup shows it: on one line, control characters visible, nothing in it a tag or an entity."""
    return text if isinstance(text, Markup) else Markup(html.escape(printable(text)))


def lines(texts: Iterable[str]) -> Markup:
    """Several lines as the value of an attribute."""
    return Markup("&#10;".join(map(escaped, texts)))


def clipped(text: str, width: int) -> str:
    """`text` in at most `width` characters; what is cut is the middle, as names differ at their ends."""
    if len(text) <= width:
        return text
    left = (width - 1) // 2
    return f"{text[:left]}…{text[len(text) - (width - 1 - left) :]}"


def quoted(*texts: str) -> str:
    """Lines of text as a string of the dot language; its escapes (`\\N`, `\\G` ...) mean nothing in them."""
    shown = (printable(text).replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '"' + "\\n".join(shown) + '"'


def _attributes(attributes: dict[str, Value]) -> str:
    return "".join(f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())


def _value(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escaped(value if isinstance(value, str) else str(value))
