"""Source: lines of generated code, put together in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

INDENT = "    "


class Source:
    """Lines of code; `with source.block("def f():"):` indents what is written inside."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def line(self, text: str = "") -> None:
        """Write one line; an empty one stays empty."""
        self._lines.append(f"{INDENT * self._depth}{text}" if text else "")

    def lines(self, *texts: str) -> None:
        """Write several lines."""
        for text in texts:
            self.line(text)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write `header` and indent what follows by one level."""
        self.line(header)
        self._depth += 1
        yield
        self._depth -= 1

    def append(self, other: Source) -> None:
        """Write the lines of `other`, indented like everything else here."""
        for text in other._lines:
            self.line(text)

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"
