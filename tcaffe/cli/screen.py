"""What is written to the terminal: results to stdout, diagnostics and progress to stderr, colour only for people.

In a pipe nothing is coloured, cut or wrapped: one line a row, as grep and awk want it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import click
from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from tcaffe.diagnostics import Diagnostic, printable, render

THEME = Theme(
    {
        "diagnostic.error": "bold red",
        "diagnostic.warning": "bold yellow",
        "diagnostic.place": "bold",
        "diagnostic.caret": "bold red",
        "diagnostic.note": "cyan",
        "diagnostic.help": "green",
    }
)
PIPE_WIDTH = 1_000_000  # columns of a pipe: nothing is wrapped there


class DiagnosticHighlighter(RegexHighlighter):
    """Colours of a rendered diagnostic."""

    base_style = "diagnostic."
    highlights = [
        r"(?m)^(?P<place>\S.*?:\d+:\d+): (?=error|warning)",
        r"(?m)(?P<error>\berror E\d{4}:)",
        r"(?m)(?P<warning>\bwarning E\d{4}:)",
        r"(?m)^(?P<caret>\s+\^+)$",
        r"(?m)^(?P<note>  note:)",
        r"(?m)^(?P<help>  help:)",
    ]


def console(*, stderr: bool = False) -> Console:
    """A console on the stream of the moment."""
    made = Console(stderr=stderr, theme=THEME, highlight=False, emoji=False, markup=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


def show(*parts: Text | Table | str) -> None:
    """Print to stdout."""
    out = console()
    for given in parts:
        part = "\n".join(map(printable, given.split("\n"))) if isinstance(given, str) else given
        if out.is_terminal:
            out.print(part, soft_wrap=isinstance(part, str))
            continue
        with out.capture() as captured:
            out.print(part, soft_wrap=isinstance(part, str))
        click.echo("\n".join(line.rstrip() for line in captured.get().split("\n")), nl=False)


def complain(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to stderr, all together, with a count."""
    if found := list(diagnostics):
        console(stderr=True).print(DiagnosticHighlighter()(Text(render(found))), soft_wrap=True)


def note(text: str) -> None:
    """A remark that is no part of the result, to stderr."""
    console(stderr=True).print(Text(printable(text), "dim"), soft_wrap=True)


def table(*columns: str) -> Table:
    """An empty table. A column is a heading, with `>` before it if numbers stand below, which are never wrapped."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        number = column.startswith(">")
        justify: Literal["left", "right"] = "right" if number else "left"
        made.add_column(Text(column.lstrip(">"), "dim"), justify=justify, no_wrap=number, overflow="fold")
    return made


def row(to: Table, *cells: object, style: str = "") -> None:
    """Add a row; whatever a user's file calls things is printed as it is, never as markup or as control characters."""
    to.add_row(*(cell if isinstance(cell, Text) else Text(printable(str(cell))) for cell in cells), style=style)


def facts(*pairs: Sequence[str]) -> Table:
    """Names and what there is to say of each, a line a pair."""
    made = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for pair in pairs:
        row(made, *pair)
    return made


def write_json(value: Any) -> None:
    """Print `value` as one JSON document; numbers JSON does not have (nan, inf) become null."""
    click.echo(json.dumps(finite(value), indent=1))


def finite(value: Any) -> Any:
    """`value` as JSON can hold it: nan and inf as None."""
    if isinstance(value, dict):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Meter:
    """Long work under way: `say` tells what is being done, `advance` how far it is."""

    def __init__(self, bar: Progress | None, total: float | None) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total) if bar else None

    def say(self, text: str) -> None:
        """Tell what is being done now."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=printable(text)[:60])

    def advance(self, amount: float = 1) -> None:
        """`amount` of the total is done."""
        if self._bar and self._task is not None:
            self._bar.advance(self._task, amount)


@contextmanager
def progress(text: str, total: float | None = None) -> Iterator[Meter]:
    """A progress bar on stderr while the body runs; nothing where stderr is not a terminal."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield Meter(None, total)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        meter = Meter(bar, total)
        meter.say(text)
        yield meter
