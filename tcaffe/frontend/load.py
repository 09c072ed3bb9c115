"""Loading a net: read, upgrade, filter and lower it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf.message import Message

from tcaffe.diagnostics import CompileError, Diagnostic, Reporter, Span
from tcaffe.frontend.bind import Bound, read_net
from tcaffe.frontend.layers.view import Shape
from tcaffe.frontend.lower import AskedShapes, Lowered, lower
from tcaffe.frontend.netstate import filter_net
from tcaffe.frontend.upgrade import upgrade_net

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

    `inputs` gives shapes to inputs of the graph by name, `batch` the first axis of all others. Raises CompileError.
    """
    bound = read_source(source)
    upgraded = upgrade_net(bound.message)
    kept = filter_net(upgraded.net, phase=phase, level=level, stages=stages)

    def locate(index: int, *path: str | int) -> Span | None:
        return None

    return lower(kept, phase=phase, asked=AskedShapes(dict(inputs or {}), batch), locate=locate, reporter=Reporter())


def read_source(source: Source) -> Bound:
    """A net as written, with the place of every field; raises CompileError."""
    if isinstance(source, Message):
        return Bound(source, {}, {})
    if isinstance(source, str) and ("{" in source or "\n" in source):
        return read_net(source, "<text>")
    return read_net(read_text(Path(source)), str(source))


def read_text(path: Path) -> str:
    """The text of a prototxt file; bytes that are not UTF-8 become replacement characters. Raises CompileError."""
    try:
        if not path.is_file():
            raise CompileError([Diagnostic("E0604", f"there is no file `{path}`")])
        if path.stat().st_size > LARGEST_FILE:
            raise CompileError([Diagnostic("E0604", f"`{path}` is too large to be a prototxt")])
        return path.read_bytes().decode("utf-8-sig", "replace")
    except (OSError, ValueError) as error:
        raise CompileError([Diagnostic("E0604", f"cannot read `{path}`: {error}")]) from error
