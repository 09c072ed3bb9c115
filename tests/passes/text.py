"""Passes as text in, text out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from tcaffe.ir.graph import Graph
from tcaffe.ir.parser import parse_graph
from tcaffe.ir.printer import print_graph
from tcaffe.ir.verify import verify_graph


def body(text: str) -> str:
    """The lines of a printed graph between its braces, without indentation."""
    return textwrap.dedent("\n".join(text.strip().splitlines()[1:-1]))


def graph(lines: str) -> Graph:
    """The graph of these lines."""
    return parse_graph(f"graph @g {{\n{lines}\n}}\n")


def after(rewrite: Callable[[Graph], Graph], lines: str) -> str:
    """The lines that `rewrite` makes of these."""
    return body(print_graph(verify_graph(rewrite(graph(lines)))))


def lines(text: str) -> str:
    """`text` without the indentation it has in a test."""
    return textwrap.dedent(text).strip()
