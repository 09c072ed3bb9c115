"""What an upgrade has to say, and where in the user's text it belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tcaffe.diagnostics import Reporter, Span
from tcaffe.frontend.bound import FieldPath

Locate = Callable[[FieldPath], Span | None]
"""Tells where the value at a path of the old message stands; `Spans.nearest` of a text is one."""


def nowhere(path: FieldPath) -> None:
    """The place of everything in a message that was not read from a text."""


@dataclass(frozen=True)
class Report:
    """Collects the problems of an upgrade; each names the field of the old message that it is about."""

    locate: Locate = nowhere
    reporter: Reporter = field(default_factory=Reporter)

    def error(self, code: str, message: str, path: FieldPath, *, note: str = "", suggestion: str = "") -> None:
        """Record what no rule covers."""
        self.reporter.error(code, message, self.locate(path), note, suggestion)

    def warn(self, code: str, message: str, path: FieldPath) -> None:
        """Record what the upgraded message does not say any more."""
        self.reporter.warn(code, message, self.locate(path))
