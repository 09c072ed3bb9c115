"""Options that several commands take: which net, seen how."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from tcaffe.cli import screen, units
from tcaffe.compiler import default_workers, target_of
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.load import NetInState, Source, read_state
from tcaffe.frontend.lower import Lowered
from tcaffe.request import Request

Function = TypeVar("Function", bound=Callable[..., None])
Shape = tuple[int, ...]

SHAPE = re.compile(r"\d{1,10}(?:[x,]\d{1,10}){0,31}")
SNIFFED = 4096  # bytes that tell text from a binary message
NOT_TEXT = bytes(b for b in range(32) if b not in b"\t\n\r\f\v\x1a")
PHASE = click.option(
    "--phase", type=click.Choice(["TRAIN", "TEST"], case_sensitive=False), default="TEST", metavar="TRAIN|TEST",
    show_default=True, help="The phase to filter layers by.",
)  # fmt: skip
STAGE = click.option("--stage", multiple=True, metavar="NAME", help="A stage to filter layers by; may be repeated.")
LEVEL = click.option(
    "--level", type=int, default=0, metavar="N", show_default=True, help="The level to filter layers by."
)
BATCH = click.option(
    "--batch", type=click.IntRange(1), metavar="N", help="The first axis of every input not given a shape."
)


@dataclass(frozen=True)
class Given:
    """What `--input` said: shapes by the input's name, and names and files, or None where files are not taken."""

    shapes: Mapping[str, Shape]
    files: tuple[tuple[str, str], ...] | None


NOTHING = Given({}, None)


@dataclass(frozen=True)
class NetQuery:
    """A net the user asks for: the file (`-` is stdin), the state that filters its layers, the shapes of its inputs.

    The shape of an input without a name, under the key "", is that of the net's only input.
    """

    path: str
    phase: str = "TEST"
    level: int = 0
    stages: Sequence[str] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    batch: int | None = None

    @functools.cached_property
    def state(self) -> NetInState:
        """The net as read, before any shape is known; raises CompileError."""
        if self.path == "-":
            source: Source = read_stdin() + "\n"
        else:
            source = Path(self.path)
            refuse_binary(source)
        return read_state(source, phase=self.phase, level=self.level, stages=self.stages)

    def lower(self, shapes: Mapping[str, Shape] | None = None, batch: int | None = None) -> Lowered:
        """The net as a graph, with `shapes` and `batch` over what the user said; raises CompileError."""
        asked = {**self.shapes, **(shapes or {})}
        if "" in asked:
            asked[only_input(self.state.lower({}))] = asked.pop("")
        return self.state.lower(asked, batch if batch is not None else self.batch)


def refuse_binary(path: Path) -> None:
    """Raise CompileError for a file that is no text: weights given in place of the net, mostly."""
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(SNIFFED)
        if not is_text(start):
            hint = "weights are given with --weights, beside the prototxt of their net"
            raise CompileError([Diagnostic("E0604", f"`{path}` is a binary file, no prototxt", suggestion=hint)])


def is_text(start: bytes) -> bool:
    """Whether a file that begins like this is text: binary messages have control characters from the first bytes on."""
    return not any(byte in NOT_TEXT for byte in start[:SNIFFED])


def read_stdin() -> str:
    """All of stdin as text."""
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def only_input(lowered: Lowered) -> str:
    """The name of the net's input; raises CompileError if it has none, or several."""
    if len(lowered.inputs) == 1:
        return lowered.inputs[0]
    note = f"its inputs are {', '.join(lowered.inputs)}" if lowered.inputs else "it has no inputs"
    raise CompileError([Diagnostic("E0605", "an input without a name, for a net that has not exactly one", note=note,
                                   suggestion="write `--input NAME=...`")])  # fmt: skip


def net_options(*, required: bool = True) -> Callable[[Function], Function]:
    """Add the argument NET and the options that say which of its layers count; they arrive as one NetQuery, `query`.

    It is None where NET is not `required` and not given.
    """

    def add(function: Function) -> Function:
        @functools.wraps(function)
        def with_query(*args: Any, net: str | None, phase: str, level: int, stage: Sequence[str], **rest: Any) -> None:
            given = rest.pop("given", NOTHING)
            batch = rest.pop("batch", None)
            query = None if net is None else NetQuery(net, phase.upper(), level, stage, given.shapes, batch)
            function(*args, query=query, **rest, **({} if given.files is None else {"files": given.files}))

        made: Any = with_query
        for option in (PHASE, STAGE, LEVEL):
            made = option(made)
        return click.argument("net", required=required)(made)

    return add


def shape_options(function: Function) -> Function:
    """Add `--input` as shapes, and `--batch`, to a command that has `net_options`."""
    return shape_option(BATCH(function))


def shape_option(function: Function) -> Function:
    """Add `--input` as shapes to a command that has `net_options`."""
    option = click.option(
        "-i", "--input", "given", multiple=True, callback=_shapes, metavar="[NAME=]SHAPE",
        help="The shape of an input, such as data=1x3x224x224; may be repeated.",
    )  # fmt: skip
    return option(function)


def feed_options(function: Function) -> Function:
    """Add `--input` as shapes or files, which arrive as `files`, and `--batch`, to a command that has `net_options`."""
    option = click.option(
        "-i", "--input", "given", multiple=True, callback=_shapes_and_files, metavar="[NAME=]FILE|SHAPE",
        help="What an input is fed: a .npy or .npz file or an image; or its shape, for random numbers. "
        "Several files for one input make a batch.",
    )  # fmt: skip
    return option(BATCH(function))


def weights_option(function: Function) -> Function:
    """Add `--weights`."""
    option = click.option(
        "-w", "--weights", multiple=True, metavar="FILE", callback=_listed,
        help="A .caffemodel or .h5 file; may be repeated, or a list with commas: later files win.",
    )  # fmt: skip
    return option(function)


def outputs_option(function: Function) -> Function:
    """Add `--outputs`."""
    option = click.option(
        "--outputs", callback=_names, metavar="A,B,...",
        help="The blobs to keep, instead of those nobody reads; what they do not need is not computed.",
    )  # fmt: skip
    return option(function)


def request_options(function: Function) -> Function:
    """Add `--outputs`, `--gradients` and `--memory-budget`; they arrive as one Request, `request`."""

    @functools.wraps(function)
    def with_request(
        *args: Any, outputs: Sequence[str] | None, gradients: bool, memory_budget: int | None, **rest: Any
    ) -> None:
        function(*args, request=Request(outputs, gradients, memory_budget), **rest)

    options = (
        click.option(
            "--memory-budget", callback=size_given, metavar="SIZE",
            help="Bytes that arena and weights may take; gradients make do with less by computing things twice.",
        ),
        click.option(
            "--gradients", is_flag=True, help="Compute the gradients of the losses for all parameters that learn, too."
        ),
    )  # fmt: skip
    made: Any = with_request
    for option in options:
        made = option(made)
    return outputs_option(made)


def size_given(ctx: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """The bytes that an option names; raises BadParameter."""
    try:
        return None if value is None else units.parse_bytes(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def workers_option(function: Function) -> Function:
    """Add `--workers`."""
    option = click.option(
        "--workers", type=click.IntRange(1, 1024), metavar="N", help="Threads; one for each core if not given."
    )
    return option(function)


def target_options(share: Callable[[int], int] = lambda cores: cores) -> Callable[[Function], Function]:
    """Add `--target` and `--workers`; they arrive as one Target, `target`. Of all cores, a `share` is used."""

    def add(function: Function) -> Function:
        @functools.wraps(function)
        def with_target(*args: Any, target: str, workers: int | None, **rest: Any) -> None:
            function(*args, target=target_of(target, workers or share(default_workers())), **rest)

        option = click.option(
            "--target", default="cpu", metavar="NAME", show_default=True,
            help="What to compile for: cpu, cuda, cuda:1 (a GPU by its number), cuda:sm_90 (a GPU elsewhere).",
        )  # fmt: skip
        made: Any = with_target
        return option(workers_option(made))

    return add


def warn(lowered: Lowered, *, as_json: bool = False) -> None:
    """Show the warnings of a net, unless the JSON holds them."""
    if not as_json:
        screen.complain(lowered.warnings)


def split_name(text: str) -> tuple[str, str]:
    """`name=value` in two, at the last sign; the name is empty where there is none."""
    name, _, value = text.rpartition("=")
    return name, value


def _shapes(ctx: click.Context, option: click.Parameter, values: Sequence[str]) -> Given:
    shapes = {}
    for text in values:
        name, sizes = split_name(text)
        if not SHAPE.fullmatch(sizes):
            raise click.BadParameter(f"'{text}' is not a shape such as data=1x3x224x224")
        shapes[name] = _sizes(sizes)
    return Given(shapes, None)


def _shapes_and_files(ctx: click.Context, option: click.Parameter, values: Sequence[str]) -> Given:
    shapes: dict[str, Shape] = {}
    files = []
    for text in values:
        name, rest = ("", text) if Path(text).exists() else split_name(text)
        if SHAPE.fullmatch(rest) and not Path(rest).exists():
            shapes[name] = _sizes(rest)
        else:
            files.append((name, rest))
    return Given(shapes, tuple(files))


def _sizes(text: str) -> Shape:
    return tuple(map(int, re.split("[x,]", text)))


def _listed(ctx: click.Context, option: click.Parameter, values: Sequence[str]) -> list[str]:
    """Every file of every list; a file that is there may have commas in its name."""
    return [name for value in values for name in ([value] if Path(value).exists() else value.split(",")) if name]


def _names(ctx: click.Context, option: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name for name in value.split(",") if name]
