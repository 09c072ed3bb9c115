"""Diagnostics: what is wrong with a user's input, where, and what would be right.

Codes: E01xx text syntax, E02xx schema, E03xx net structure, E04xx layers and shapes, E05xx weights,
E06xx files, bundles and arguments, E07xx IR, E08xx solvers. Each has a long text in `tcaffe.explanations`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import cached_property
from heapq import nlargest
from itertools import accumulate, takewhile
from typing import Any, Literal
from unicodedata import combining, east_asian_width

Severity = Literal["error", "warning"]

EXCERPT_WIDTH = 100  # characters of a source line that are shown around the caret
MESSAGE_LIMIT = 1000  # characters of a message that are shown: names come from the user and can be huge
SHOWN = 50  # diagnostics of one CompileError that are rendered; the rest is counted
SHOWN_ALIKE = 3  # among them, those with one and the same message
COMPARED = 500  # choices that are compared letter by letter for a suggestion


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a user's file: 1-based line and column, a length in characters, and the user's own line."""

    file: str
    line: int
    column: int = 1
    length: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{printable(self.file)}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """The line with a caret below, clipped around the caret; empty where the line is not known."""
        if not self.text.strip():
            return ""
        at = min(self.column - 1, len(self.text))
        left = max(0, at - EXCERPT_WIDTH // 2) if len(self.text) > EXCERPT_WIDTH else 0
        right = left + EXCERPT_WIDTH
        before, after = ("…" if left else ""), ("…" if right < len(self.text) else "")
        indent = before + _visible(self.text[left:at])
        guilty = _visible(self.text[at : min(at + max(self.length, 1), right)])
        line = indent + guilty + _visible(self.text[at + max(self.length, 1) : right]).rstrip() + after
        if not before:  # the user's own indentation says nothing here
            margin = len(indent) - len(indent.lstrip())
            indent, line = indent[margin:], line[margin:]
        return f"    {line}\n    {' ' * _width(indent)}{'^' * max(_width(guilty), 1)}"


@dataclass(frozen=True)
class Source:
    """A user's text and the name of its file; turns character offsets to spans."""

    file: str
    text: str

    def span(self, start: int, length: int = 1) -> Span:
        """The place of `length` characters at offset `start` (0-based)."""
        line = bisect_right(self._starts, start) - 1
        return Span(self.file, line + 1, start - self._starts[line] + 1, length, self._lines[line])

    @cached_property
    def _lines(self) -> list[str]:
        """The lines, shared by all spans: a thousand errors in one huge line must not copy it a thousand times."""
        return [line.removesuffix("\r") for line in self.text.split("\n")]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.text.split("\n"))]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: its code, what is wrong, where, what was expected (`note`) and what to do (`suggestion`)."""

    code: str
    message: str
    span: Span | None = None
    note: str = ""
    suggestion: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        lines = [
            f"{place}{self.severity} {self.code}: {printable(self.message)}",
            self.span.excerpt() if self.span else "",
            f"  note: {printable(self.note)}" if self.note else "",
            f"  help: {printable(self.suggestion)}" if self.suggestion else "",
        ]
        return "\n".join(line for line in lines if line)

    def json(self) -> dict[str, Any]:
        """The diagnostic as plain values for `json.dumps`; `span` is null or a mapping, texts are not escaped."""
        return asdict(self)


class CompileError(Exception):
    """The input cannot be compiled; holds every diagnostic of the run and prints them together."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return render(self.diagnostics)


@dataclass
class Reporter:
    """Collects the diagnostics of a run, so that one problem does not hide the next."""

    diagnostics: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, span: Span | None = None, note: str = "", suggestion: str = "") -> None:
        """Record an error and go on."""
        self.diagnostics.append(Diagnostic(code, message, span, note, suggestion))

    def warn(self, code: str, message: str, span: Span | None = None, note: str = "", suggestion: str = "") -> None:
        """Record a warning and go on."""
        self.diagnostics.append(Diagnostic(code, message, span, note, suggestion, "warning"))

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Record what another run found."""
        self.diagnostics.extend(diagnostics)

    @property
    def failed(self) -> bool:
        """Whether any error was recorded."""
        return any(d.severity == "error" for d in self.diagnostics)

    def raise_if_errors(self) -> None:
        """Raise CompileError with everything recorded, warnings included, if any of it is an error."""
        if self.failed:
            raise CompileError(self.diagnostics)


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """All diagnostics as text, in the given order, with a last line that counts them.

    Of those with the same message only the first few are shown, and the others counted.
    """
    found = list(diagnostics)
    alike: dict[tuple[str, str], list[Diagnostic]] = {}
    for diagnostic in found:
        alike.setdefault((diagnostic.code, diagnostic.message), []).append(diagnostic)
    repeated = {id(d) for same in alike.values() for d in same[SHOWN_ALIKE:]}
    shown = [str(d) for d in found if id(d) not in repeated]
    lines = shown[:SHOWN]
    if len(shown) > SHOWN:
        lines.append(f"... and {len(shown) - SHOWN} more")
    for (code, message), same in alike.items():
        if len(same) > SHOWN_ALIKE and len(lines) < 2 * SHOWN:
            lines.append(f"... and {len(same) - SHOWN_ALIKE} more of them: {code}: {printable(message)}")
    errors = sum(d.severity == "error" for d in found)
    counts = (_count(errors, "error"), _count(len(found) - errors, "warning"))
    return "\n".join([*lines, ", ".join(filter(None, counts))])


def suggest(word: str, choices: Iterable[str]) -> str:
    """The sentence "did you mean `x`?" for the choice nearest to `word`, or nothing if none is near."""
    if len(word) > 80:
        return ""
    slack = 2 + len(word) // 2  # beyond it the ratio stays below the cutoff
    near = sorted({c for c in choices if abs(len(c) - len(word)) <= slack})
    folded = {c.lower().replace("_", ""): c for c in near}
    if same := folded.get(word.lower().replace("_", "")):
        return f"did you mean `{same}`?"
    if len(near) > COMPARED:
        near = nlargest(COMPARED, near, key=lambda choice: _ends_shared(word, choice))
    best = get_close_matches(word, near, n=1, cutoff=0.65)
    return f"did you mean `{best[0]}`?" if best else ""


def _ends_shared(a: str, b: str) -> int:
    """How many characters two words have in common at their beginnings and ends."""
    pairs = (zip(a, b, strict=False), zip(reversed(a), reversed(b), strict=False))
    return sum(len(list(takewhile(lambda pair: pair[0] == pair[1], ends))) for ends in pairs)


def printable(text: str) -> str:
    """`text` on one line, with control characters escaped and cut to a sane length: safe for a terminal."""
    shown = text if text.isprintable() else "".join(map(_escaped, text[: MESSAGE_LIMIT + 1]))
    return shown if len(shown) <= MESSAGE_LIMIT else shown[:MESSAGE_LIMIT] + "…"


def _visible(text: str) -> str:
    """A piece of a source line as it is shown: tabs become two blanks, control characters are escaped."""
    return "".join("  " if c == "\t" else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    """A character, or its escape if a terminal might act on it (controls, bidirectional marks, lone surrogates)."""
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def _width(text: str) -> int:
    """Terminal columns that `text` takes: wide East Asian characters take two, combining ones none."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""
