"""Planning problems as CSV files: `id,lower,upper,size`, and `offset` in a solution. Lifetimes are half-open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from tcaffe.diagnostics import CompileError, Diagnostic, Span
from tcaffe.passes.planner import Buffer

COLUMNS = ("id", "lower", "upper", "size")
MOST_BUFFERS = 1_000_000
LARGEST = 2**62


def read_instance(path: Path) -> tuple[Buffer, ...]:
    """The buffers of a CSV file; raises CompileError (E0609) with every line that is wrong."""
    lines = path.read_text("utf-8-sig", "replace").splitlines()
    columns = [name.strip() for name in lines[0].split(",")] if lines else []
    problems = []
    if missing := [name for name in COLUMNS if name not in columns]:
        problems.append(
            _problem(path, 1, lines[0] if lines else "", f"there is no column {' and no column '.join(missing)}")
        )
    if len(lines) > MOST_BUFFERS:
        problems.append(Diagnostic("E0609", f"{path} has more than {MOST_BUFFERS} lines"))
    if problems:
        raise CompileError(problems)
    found: dict[str, Buffer] = {}
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            complaint = _take(dict(zip(columns, next(csv.reader([line])), strict=False)), found)
            problems += [_problem(path, number, line, complaint)] if complaint else []
    if problems:
        raise CompileError(problems)
    return tuple(found.values())


def write_instance(buffers: Iterable[tuple[str, int, int, int]], offsets: Mapping[str, int]) -> str:
    """The text of a solved instance: buffers as (name, lower, upper, size), and where each lies."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow((*COLUMNS, "offset"))
    table.writerows((name, lower, upper, size, offsets[name]) for name, lower, upper, size in buffers)
    return out.getvalue()


def _take(row: Mapping[str, str], found: dict[str, Buffer]) -> str:
    """Add the buffer of a row; what is wrong with it, if anything is."""
    name = row.get("id", "").strip()
    numbers = [row.get(column, "").strip() for column in COLUMNS[1:]]
    if name in found:
        return f"there is a buffer `{name}` already"
    if not all(n.isascii() and n.isdigit() and len(n) < 20 for n in numbers):
        return "lower, upper and size must be whole numbers, not negative"
    lower, upper, size = map(int, numbers)
    if upper <= lower or max(upper, size) > LARGEST:
        return f"the lifetime [{lower}, {upper}) is empty" if upper <= lower else "a number is too large"
    found[name] = Buffer(name, size, lower, upper)
    return ""


def _problem(path: Path, line: int, text: str, message: str) -> Diagnostic:
    return Diagnostic("E0609", message, Span(str(path), line, 1, len(text), text))
