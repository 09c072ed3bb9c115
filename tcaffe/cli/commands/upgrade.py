"""`tcaffe upgrade`: files of an older Caffe, in today's format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tcaffe.cli import screen
from tcaffe.cli.command import command, json_option
from tcaffe.cli.options import is_text
from tcaffe.cli.units import plural
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.bind import read_message
from tcaffe.frontend.bound import Bound, FieldPath
from tcaffe.frontend.load import LARGEST_FILE, read_source
from tcaffe.frontend.print_text import print_text
from tcaffe.frontend.text import Message, parse_text
from tcaffe.frontend.text import read_source as read_text
from tcaffe.frontend.upgrade import upgrade_net, upgrade_solver
from tcaffe.frontend.weights import read_binary_net, write_whole
from tcaffe.schema import caffe_pb2


@dataclass(frozen=True)
class Result:
    """An upgraded file: its new bytes, what it is, what changed and what could not be carried over."""

    data: bytes
    kind: str
    changes: tuple[str, ...]
    notes: tuple[Diagnostic, ...] = ()


@command
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@json_option
@click.pass_context
def upgrade(ctx: click.Context, source: str, target: str, as_json: bool) -> None:
    """Rewrite IN, a file of any age, in today's format as OUT (`-`: stdout), and tell what changed.

    \b
    tcaffe upgrade old.prototxt new.prototxt
    tcaffe upgrade old.caffemodel new.caffemodel
    tcaffe upgrade solver.prototxt solver.prototxt

    Nets as text or as .caffemodel and solvers are told apart by what is in them. Comments are not kept. A file that
    is up to date already is written all the same. OUT is written whole or not at all. Exit status 1 where something
    could not be carried over; what could is written.
    """
    path = Path(source)
    data = path.read_bytes()
    result = upgrade_text(path, data) if is_text(data) else upgrade_binary(path)
    if target == "-":
        click.echo(result.data, nl=False)
    else:
        write_whole(target, lambda staging: staging.write_bytes(result.data))
    if as_json and target != "-":
        notes = [d.json() for d in result.notes]
        screen.write_json({"kind": result.kind, "changes": result.changes, "written": target, "diagnostics": notes})
    else:
        screen.complain(result.notes)
        for line in result.changes or ("up to date already: nothing changed but the formatting",):
            screen.note(f"{result.kind}: {line}")
    ctx.exit(1 if result.notes else 0)


def upgrade_text(path: Path, data: bytes) -> Result:
    """A prototxt file in today's format; raises CompileError."""
    if len(data) > LARGEST_FILE:
        raise CompileError([Diagnostic("E0604", f"`{path}` is not a prototxt file")])
    if is_solver(path, data):
        solver = read_message(data, caffe_pb2.SolverParameter, str(path))
        new = upgrade_solver(solver.message, solver.spans.nearest)
        changes = tuple(_solver_changes(solver.message, new.solver))
        return Result(print_text(new.solver).encode(), "solver", changes, new.notes)
    bound = read_source(path)
    upgraded = upgrade_net(bound.message, bound.spans.nearest)
    text = print_text(upgraded.net, _moved(bound, upgraded.origin))
    return Result(text.encode(), "net", tuple(_net_changes(bound.message, upgraded.net)), upgraded.notes)


def _moved(bound: Bound[Any], origin: Sequence[int | None]) -> dict[FieldPath, Message]:
    """The fields the schema does not know, by the path of the message they stand in now."""
    layers = "layers" if bound.message.layers else "layer"
    places = {entry: k for k, entry in enumerate(origin)}
    found = {}
    for path, tree in bound.extras.items():
        match path:
            case (str(field), int(entry), *rest) if field == layers:
                if entry in places:
                    found["layer", places[entry], *rest] = tree
            case _:
                found[path] = tree
    return found


def upgrade_binary(path: Path) -> Result:
    """A .caffemodel in today's format; raises CompileError."""
    old = read_binary_net(path)
    upgraded = upgrade_net(old)
    return Result(upgraded.net.SerializeToString(), "weights", tuple(_net_changes(old, upgraded.net)), upgraded.notes)


def is_solver(path: Path, data: bytes) -> bool:
    """Whether a prototxt is a solver: it has no layers, and a field that only solvers have."""
    names = {field.name for field in parse_text(read_text(data, str(path))).fields}
    net, solver = (set(m.DESCRIPTOR.fields_by_name) for m in (caffe_pb2.NetParameter, caffe_pb2.SolverParameter))
    return not names & {"layer", "layers"} and bool(names & (solver - net))


def _net_changes(old: Any, new: Any) -> Iterator[str]:
    """What an upgrade did to a net, a line each."""
    first = sum(layer.HasField("layer") for layer in old.layers)
    if old.layers:
        age = "the first format (`layers { layer { ... } }`)" if first else "`layers` with types like CONVOLUTION"
        yield f"{plural(len(old.layers), 'layer')} from {age} to `layer`"
    if old.input:
        made = "an Input layer" if new.layer and new.layer[0].type == "Input" else "nothing, as they had no shapes"
        yield f"input fields of the net to {made}"
    if not old.layers and _frozen(new) != _frozen(old):
        yield "BatchNorm: learning rate and decay of its statistics set to 0"
    moved = {layer.name for layer in new.layer if layer.HasField("transform_param")}
    if old.layers and moved:
        yield f"scale, mean, crop and mirror to transform_param in {', '.join(sorted(moved))}"


def _frozen(net: Any) -> list[bytes]:
    return [spec.SerializeToString() for layer in net.layer if layer.type == "BatchNorm" for spec in layer.param]


def _solver_changes(old: Any, new: Any) -> Iterator[str]:
    if old.HasField("solver_type"):
        yield f'`solver_type` to `type: "{new.type}"`'
    for field in ("net_param", "train_net_param"):
        if old.HasField(field) and getattr(old, field) != getattr(new, field):
            yield f"the net in `{field}` to today's format"
    if list(old.test_net_param) != list(new.test_net_param):
        yield "the nets in `test_net_param` to today's format"
