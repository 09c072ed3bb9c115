"""What binding gives: a typed message, and for each of its values the place in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from google.protobuf.message import Message as Typed

from tcaffe.diagnostics import Source, Span
from tcaffe.frontend.text import Entry, Message

FieldPath = tuple[str | int, ...]
M = TypeVar("M", bound=Typed)


@dataclass(frozen=True)
class Spans:
    """Where each value stands: `spans["layer", 3, "convolution_param", "num_output"]`.

    A repeated field takes an index (from 0; the first if left out), a single one none. A scalar stands at its value,
    a message at its name. Places are computed when asked for.
    """

    source: Source
    tree: Message

    def __getitem__(self, path: FieldPath) -> Span:
        """The span of the value at `path`; raises KeyError if the text does not hold it."""
        if (span := self.get(path)) is None:
            raise KeyError(path)
        return span

    def __contains__(self, path: FieldPath) -> bool:
        return self._entry(path) is not None

    def get(self, path: FieldPath) -> Span | None:
        """The span of the value at `path`, None if the text does not hold it."""
        entry = self._entry(path)
        return self.source.span(*entry.place) if entry else None

    def nearest(self, path: FieldPath) -> Span | None:
        """The span of the value at `path`, or of the innermost message around it that the text holds."""
        outward = (self.get(path[:end]) for end in range(len(path), 0, -1))
        return next((span for span in outward if span), None)

    def _entry(self, path: FieldPath) -> Entry | None:
        entry, tree, rest = None, self.tree, path
        while rest:
            numbered = len(rest) > 1 and isinstance(rest[1], int)
            entries = tree.entries.get(str(rest[0]), ())
            index = int(rest[1]) if numbered else 0
            if not 0 <= index < len(entries):
                return None
            entry, rest = entries[index], rest[1 + numbered :]
            tree = entry.value if isinstance(entry.value, Message) else Message(())
        return entry


@dataclass(frozen=True)
class Bound(Generic[M]):
    """A typed message, the places of its values, and what the schema does not know.

    `extras` maps the path of a message to a tree of its unknown fields, where the caller was lenient about them.
    A message that was not read from a text has neither places nor extras.
    """

    message: M
    spans: Spans = field(default_factory=lambda: Spans(Source("", ""), Message(())))
    extras: dict[FieldPath, Message] = field(default_factory=dict)
