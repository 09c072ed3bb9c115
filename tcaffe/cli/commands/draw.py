"""`tcaffe draw`: the kernels and the memory over time as a web page, or the graph as dot."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import click

from tcaffe.cli import cost, screen, units
from tcaffe.cli.building import Planned, planned
from tcaffe.cli.command import command
from tcaffe.cli.draw.dot import dot_text
from tcaffe.cli.draw.flow import flow_of
from tcaffe.cli.draw.page import Subject, html_page
from tcaffe.cli.options import NetQuery, net_options, request_options, shape_options, target_options, warn
from tcaffe.cli.origins import by_type
from tcaffe.ir.target import Target
from tcaffe.request import Request


@command
@shape_options
@request_options
@target_options()
@click.option("-o", "--output", required=True, metavar="FILE", help="The file to write: a .html page, or a .dot graph.")
@net_options()
def draw(query: NetQuery, request: Request, target: Target, output: str) -> None:
    """Draw what NET is compiled to: kernels as boxes, memory over time.

    \b
    tcaffe draw deploy.prototxt -o net.html
    tcaffe draw deploy.prototxt --batch 16 -o net.html
    tcaffe draw deploy.prototxt -o net.dot && dot -Tsvg net.dot -o net.svg

    The page is one file that loads nothing: it can be mailed, attached to a bug report, read without a network.
    """
    kind = Path(output).suffix
    if kind not in (".html", ".dot"):
        raise click.BadParameter("the name must end with .html or .dot", param_hint="'-o'")
    with screen.progress("planning"):
        net = planned(query.lower(), request, target)
    warn(net.lowered)
    text = page_of(net) if kind == ".html" else dot_text(flow_of(net.program, net.origins.words()))
    Path(output).write_text(text, encoding="utf-8")
    screen.show(f"{output}: {units.plural(len(net.program.kernels), 'kernel')}, {units.bytes_(net.plan.size)} arena")


def page_of(net: Planned) -> str:
    """The page of a planned net."""
    counts = [astuple(line) for line in by_type(net.origins)]
    macs = sum(cost.macs(kernel.nodes) for kernel in net.program.kernels)
    return html_page(Subject(net.program, net.plan, net.origins.words(), counts, net.weight_bytes, macs))
