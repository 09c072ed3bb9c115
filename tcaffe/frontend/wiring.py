"""Blobs by name: which value a name stands for at each layer, and the rules of naming and in-place layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from tcaffe.diagnostics import CompileError, Diagnostic, Span, suggest
from tcaffe.ir.node import Node


@dataclass(slots=True)
class Version:
    """What a blob's name stands for since `layer` wrote it; `value` is None where that layer could not be lowered.

    `weighted` tells that the layer gives it an explicit loss weight, `readers` which layers read it.
    """

    layer: str
    in_place: bool
    weighted: bool
    value: Node | None = None
    readers: list[str] = field(default_factory=list)


class Wiring:
    """The blobs of a net while its layers are walked in order."""

    def __init__(self) -> None:
        self.blobs: dict[str, Version] = {}

    def read(self, name: str, layer: str, span: Span | None) -> Node | None:
        """The value of a bottom; None where it is unknown because an earlier layer failed. Raises CompileError."""
        if name not in self.blobs:
            note = "a bottom must be a top of a layer further up in the file"
            _refuse("E0301", f"layer `{layer}`: unknown bottom `{name}`", span, note, suggest(name, self.blobs))
        self.blobs[name].readers.append(layer)
        return self.blobs[name].value

    def write(
        self, name: str, layer: str, index: int, bottoms: Sequence[str], weighted: bool, span: Span | None
    ) -> Version:
        """A new version of a blob, its value still unknown. Raises CompileError."""
        old = self.blobs.get(name)
        in_place = index < len(bottoms) and bottoms[index] == name
        if old and not in_place:
            note = "only a layer that reads a blob at the same place may write over it"
            _refuse("E0302", f"layer `{layer}`: top `{name}` is already a top of layer `{old.layer}`", span, note)
        if old and len(old.readers) > 1:
            _refuse_in_place(name, layer, f"layer `{old.readers[0]}` reads it too", span)
        if old and old.weighted:
            _refuse_in_place(name, layer, "it has a loss_weight", span)
        self.blobs[name] = version = Version(layer, in_place, weighted)
        return version

    @property
    def outputs(self) -> tuple[str, ...]:
        """The blobs nobody reads, or that are weighed as a loss, in alphabetical (byte) order."""
        free = [name for name, version in self.blobs.items() if not version.readers or version.weighted]
        return tuple(sorted(free, key=lambda name: name.encode("utf-8", "surrogatepass")))


def _refuse_in_place(name: str, layer: str, why: str, span: Span | None) -> NoReturn:
    note = "what anything else needs must stay as it is"
    message = f"layer `{layer}`: blob `{name}` cannot be changed in place, {why}"
    _refuse("E0303", message, span, note, f"give the top of `{layer}` a name of its own")


def _refuse(code: str, message: str, span: Span | None, note: str, suggestion: str = "") -> NoReturn:
    raise CompileError([Diagnostic(code, message, span, note, suggestion)])
