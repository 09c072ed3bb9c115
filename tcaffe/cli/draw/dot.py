"""The graph in the dot language, for Graphviz."""

from __future__ import annotations

from tcaffe.cli.draw.flow import Flow
from tcaffe.cli.draw.markup import quoted

COLOURS = {
    "input": "#e2e8f0",
    "output": "#e2e8f0",
    "conv": "#bfdbfe",
    "depthwise": "#a5f3fc",
    "deconv": "#c7d2fe",
    "dot": "#e9d5ff",
    "pool": "#fed7aa",
    "reduce": "#fbcfe8",
    "pointwise": "#bbf7d0",
    "index": "#fde68a",
    "copy": "#d6d3d1",
    "view": "#ffffff",
}


def dot_text(flow: Flow) -> str:
    """`flow` as a digraph. Every name in it is a quoted string."""
    lines = [f"digraph {quoted(flow.name)} {{", '  node [shape=box, style="rounded,filled", fontname="sans-serif"];']
    for number, box in enumerate(flow.boxes):
        colour = COLOURS.get(box.kind, "#ffffff")
        lines.append(f'  n{number} [label={quoted(box.title, *box.lines)}, fillcolor="{colour}"];')
    lines += [f"  n{arrow.source} -> n{arrow.target} [tooltip={quoted(arrow.value)}];" for arrow in flow.arrows]
    return "\n".join([*lines, "}"]) + "\n"
