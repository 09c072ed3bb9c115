"""`tcaffe opt`: passes over the text of a graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from tcaffe.cli.command import command
from tcaffe.cli.options import read_stdin, target_options
from tcaffe.diagnostics import CompileError, Diagnostic, Span, suggest
from tcaffe.ir.graph import Graph
from tcaffe.ir.parser import parse_graph, parse_program
from tcaffe.ir.printer import print_graph, print_program
from tcaffe.ir.program import Program
from tcaffe.ir.target import Target, cpu
from tcaffe.ir.types import IRError
from tcaffe.ir.verify import verify_graph, verify_program
from tcaffe.passes.fuse import fuse
from tcaffe.passes.pipeline import OPTIMISE, program_passes

Stage = Graph | Program

GRAPH_PASSES: dict[str, Callable[[Graph], Stage]] = {**{p.__name__: p for p in OPTIMISE.passes}, "fuse": fuse}
PROGRAM_PASSES = (*program_passes(cpu(1), "fixed"), "choose_tiles")
PLACE = re.compile(r"line (\d+): (.*)\n(.*)", re.DOTALL)


def _passes(ctx: click.Context, option: click.Parameter, value: str) -> list[str]:
    names = [name.strip().replace("-", "_") for name in value.split(",") if name.strip()]
    for name in names:
        if name not in GRAPH_PASSES and name not in PROGRAM_PASSES:
            known = (*GRAPH_PASSES, *PROGRAM_PASSES)
            hint = suggest(name, known) or f"The passes: {', '.join(known)}"
            raise click.BadParameter(f"there is no pass '{name}'. {hint}")
    return names


@command
@click.argument("file")
@click.option("--pass", "passes", required=True, callback=_passes, metavar="A,B,...", help="The passes, in order.")
@target_options(lambda cores: 2)
@click.option("-o", "--output", metavar="FILE", help="Where to write the result, instead of stdout.")
def opt(file: str, passes: Sequence[str], target: Target, output: str | None) -> None:
    """Read a graph as `compile --dump-ir` writes it from FILE (`-`: stdin), run passes over it, and print the result.

    \b
    tcaffe opt --pass simplify,fold_affine ir/00-lower.ir
    tcaffe opt --pass fuse,fuse_pools,order,choose_algorithms,alias,plan_memory ir/07-layout.ir -o planned.ir
    tcaffe opt --pass '' graph.ir

    \b
    Passes over a graph:   simplify fold_affine flip_transposed merge_siblings permute_weights layout
    From it to a program:  fuse
    Passes over a program: fuse_taps fuse_pools order choose_algorithms alias plan_memory
    With a GPU as target:  fuse_taps order choose_tiles alias plan_memory

    What a pass makes is verified, and so is what is read.
    """
    text = read_stdin() if file == "-" else Path(file).read_bytes().decode("utf-8", "replace")
    stage = read(text, file)
    for name in passes:
        stage = run_pass(name, stage, target)
    printed = print_graph(stage) if isinstance(stage, Graph) else print_program(stage)
    if output:
        Path(output).write_text(printed, encoding="utf-8")
    else:
        click.echo(printed, nl=False)


def read(text: str, file: str) -> Stage:
    """The graph or program that `text` prints; raises CompileError (E0701)."""
    try:
        if text.lstrip().startswith("program"):
            return verify_program(parse_program(text))
        return verify_graph(parse_graph(text))
    except IRError as error:
        raise CompileError([_diagnosed(error, file)]) from error


def run_pass(name: str, stage: Stage, target: Target) -> Stage:
    """The result of one pass, verified; raises CompileError for a pass that works on the other kind of thing."""
    if isinstance(stage, Graph) and name in GRAPH_PASSES:
        made = GRAPH_PASSES[name](stage)
        return verify_graph(made) if isinstance(made, Graph) else verify_program(made)
    if isinstance(stage, Program) and name in PROGRAM_PASSES:
        steps = program_passes(target, "fixed")
        if name not in steps:
            raise CompileError([Diagnostic("E0702", f"target {target} has no pass `{name}`")])
        return verify_program(steps[name](stage))
    have, wants = ("a graph", "a program, as `fuse` makes it") if isinstance(stage, Graph) else ("a program", "a graph")
    raise CompileError([Diagnostic("E0702", f"pass `{name}` works on {wants}, this is {have}")])


def _diagnosed(error: IRError, file: str) -> Diagnostic:
    """The error of the IR at its line."""
    if match := PLACE.fullmatch(str(error)):
        line, message, text = int(match[1]), match[2], match[3].strip()
        return Diagnostic("E0701", message, Span(file, line, 1, len(text), text))
    return Diagnostic("E0701", str(error).split("\n")[0], note=" ".join(str(error).split("\n")[1:]))
