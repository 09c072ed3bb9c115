"""Loading a net: read, upgrade, filter and lower it."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from tcaffe.diagnostics import CompileError, Diagnostic, Reporter, Span
from tcaffe.frontend.bind import read_net
from tcaffe.frontend.bound import Bound, FieldPath
from tcaffe.frontend.foreign import ForeignFields
from tcaffe.frontend.layers import CHECKED_TYPES
from tcaffe.frontend.layers.view import Shape
from tcaffe.frontend.lower import AskedShapes, Host, Lowered, Lowering
from tcaffe.frontend.netstate import filter_net
from tcaffe.frontend.text import Message as Tree
from tcaffe.frontend.upgrade import Upgraded, upgrade_net

LARGEST_FILE = 256 * 2**20  # bytes of prototxt; the largest known are about one mebibyte

Source = str | os.PathLike[str] | Message


def load_net(
    source: Source,
    *,
    phase: str = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
    inputs: Mapping[str, Shape] | None = None,
    batch: int | None = None,
) -> Lowered:
    """The net of a path, of prototxt text or of a NetParameter, as a graph.

    `inputs` gives shapes to inputs of the graph by name, `batch` the first axis of all others. Raises CompileError
    with every problem of the net.
    """
    return read_state(source, phase=phase, level=level, stages=stages).lower(inputs or {}, batch)


def read_state(source: Source, *, phase: str = "TEST", level: int = 0, stages: Sequence[str] = ()) -> NetInState:
    """A net in the current format with the layers that a phase, a level and stages keep.

    Raises CompileError where nothing can be made of it; other problems are raised when it is lowered.
    """
    reporter = Reporter()
    bound = read_source(source, reporter)
    upgraded = _upgrade(bound, reporter)
    layers = Places(bound, upgraded)
    net, kept = filter_net(
        upgraded.net, phase=phase, level=level, stages=stages, locate=layers.locate, reporter=reporter
    )
    return NetInState(net, phase, kept, layers, tuple(reporter.diagnostics))


@dataclass(frozen=True)
class NetInState:
    """A net as one state keeps it: `message`, and for each of its layers the index in the file.

    It is read once and lowered as often as its inputs change their shapes. `problems` are what reading it found.
    """

    message: Any
    phase: str
    kept: tuple[int, ...]
    layers: Places
    problems: tuple[Diagnostic, ...]

    def lower(self, inputs: Mapping[str, Shape], batch: int | None = None, host: Host | None = None) -> Lowered:
        """The net as a graph for inputs of these shapes; raises CompileError with every problem of the net.

        `host` runs the layers that are code of the user's, which are refused without one.
        """
        damaged = self.layers.at_fault(self.problems)
        lowering = Lowering(
            self.message,
            phase=self.phase,
            asked=AskedShapes(inputs, batch),
            locate=lambda index, *path: self.layers.locate(self.kept[index], *path),
            foreign=lambda index: self.layers.foreign(self.kept[index]),
            reporter=Reporter(list(self.problems)),
            host=host,
        )
        for index, layer in enumerate(self.message.layer):
            lowering.add(index, layer, damaged=self.kept[index] in damaged)
        return lowering.finish()


def _upgrade(bound: Bound[Any], reporter: Reporter) -> Upgraded:
    """The net in the current format; raises CompileError together with what `reporter` knows already."""
    try:
        upgraded = upgrade_net(bound.message, bound.spans.nearest)
    except CompileError as error:
        raise CompileError([*reporter.diagnostics, *error.diagnostics]) from error
    reporter.extend(upgraded.notes)
    return upgraded


class Places:
    """Where the layers of an upgraded net, and their fields, stand in the text; and the fields the schema lacks."""

    def __init__(self, bound: Bound[Any], upgraded: Upgraded) -> None:
        self._spans = bound.spans
        self._field = "layers" if bound.message.layers else "layer"
        self._origin = upgraded.origin
        self._foreign: dict[FieldPath, dict[FieldPath, Tree]] = {}
        for path, tree in bound.extras.items():
            self._foreign.setdefault(path[:2], {})[path[2:]] = tree

    def locate(self, index: int, *path: str | int) -> Span | None:
        """The place of a field of the layer at `index`, or of the innermost message around it in the text."""
        entry = self._origin[index]
        return self._spans.nearest(("input",) if entry is None else (self._field, entry, *path))

    def foreign(self, index: int) -> ForeignFields:
        """The fields of the layer at `index` that the schema does not have."""
        entry = self._origin[index]
        trees = {} if entry is None else self._foreign.get((self._field, entry), {})
        return ForeignFields(self._spans.source, trees)

    def at_fault(self, problems: Sequence[Diagnostic]) -> set[int]:
        """The layers in whose text there is a problem."""
        if not problems:
            return set()
        starts = [span.line if (span := self.locate(i)) else 0 for i in range(len(self._origin))]
        return {bisect_right(starts, problem.span.line) - 1 for problem in problems if problem.span}


def read_source(source: Source, reporter: Reporter | None = None) -> Bound[Any]:
    """A net as it is written, and the places of its fields.

    Layers of other types than are known may have fields of their own. Problems go to `reporter`; without one they are
    raised as CompileError. Text that cannot be made sense of is always raised.
    """
    if isinstance(source, Message):
        return Bound(source)
    if isinstance(source, str) and ("{" in source or "\n" in source):
        return read_net(source, "<text>", _is_foreign, reporter)
    return read_net(read_file(Path(source)), str(source), _is_foreign, reporter)


def read_file(path: Path) -> bytes:
    """The bytes of a prototxt file; raises CompileError."""
    try:
        if not path.exists():
            raise CompileError([Diagnostic("E0604", f"there is no file `{path}`")])
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            raise CompileError([Diagnostic("E0604", f"`{path}` is not a prototxt file")])
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise CompileError([Diagnostic("E0604", f"cannot read `{path}`: {error}")]) from error


def _is_foreign(layer_type: str) -> bool:
    """Whether a layer type is neither Caffe's nor in the catalogue, so that its fields are not known."""
    return bool(layer_type) and layer_type not in CHECKED_TYPES
