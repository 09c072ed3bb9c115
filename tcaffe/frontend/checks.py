"""What must hold of a layer before its rule is asked: a known type, the right number of bottoms, tops and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tcaffe.diagnostics import CompileError, Diagnostic, Span, suggest
from tcaffe.frontend.layers import FORK_OF_TYPE, LAYERS, LayerType
from tcaffe.frontend.layers.registry import counted

Locate = Callable[..., Span | None]


def kind_of(layer: Any, locate: Locate) -> LayerType:
    """The registered type of a layer; raises CompileError."""
    if found := LAYERS.get(layer.type):
        return found
    message, note, suggestion = f"unknown layer type `{layer.type}`", "", ""
    if not layer.type:
        message, note = "it has no type", 'a layer needs one, for example type: "ReLU"'
    elif fork := FORK_OF_TYPE.get(layer.type):
        note = f"`{layer.type}` is from the {fork} fork"
    else:
        suggestion = suggest(layer.type, LAYERS)
    raise CompileError([Diagnostic("E0304", f"layer `{layer.name}`: {message}", locate("type"), note, suggestion)])


def check_layer(layer: Any, kind: LayerType, locate: Locate) -> LayerType:
    """`kind`, if the layer has as many of everything as its type takes; raises CompileError."""
    wrong = [
        Diagnostic(code, f"layer `{layer.name}`: {kind.name} {message}", locate(field))
        for code, field, message in (*_wrong_blobs(layer, kind), *_wrong_weights(layer, kind))
    ]
    if wrong:
        raise CompileError(wrong)
    return kind


def _wrong_blobs(layer: Any, kind: LayerType) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the bottoms and tops: code, field, message."""
    bottoms, tops = len(layer.bottom), len(layer.top)
    if not kind.bottoms.admits(bottoms):
        yield "E0306", "bottom", f"takes {kind.bottoms.of('bottom')}, not {bottoms}"
    if not kind.tops.admits(top_count(layer, kind)):
        yield "E0307", "top", f"has {kind.tops.of('top')}, not {tops}"
    elif kind.paired and bottoms != tops:
        yield (
            "E0307",
            "top",
            f"has a top for each bottom, here are {counted(bottoms, 'bottom')} and {counted(tops, 'top')}",
        )
    for bottom, top in zip(layer.bottom, layer.top, strict=False):
        if bottom == top and not kind.in_place:
            yield "E0308", "top", f"cannot write its top `{top}` over its bottom"


def _wrong_weights(layer: Any, kind: LayerType) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the lists that have one entry for each top or bottom: code, field, message."""
    for field, entries, blobs, noun in (
        ("loss_weight", len(layer.loss_weight), top_count(layer, kind), "top"),
        ("propagate_down", len(layer.propagate_down), len(layer.bottom), "bottom"),
    ):
        if entries not in (0, blobs):
            yield "E0309", field, f"has {counted(blobs, noun)}, but {field} is given {counted(entries, 'time')}"


def top_count(layer: Any, kind: LayerType) -> int:
    """The number of tops; a loss layer makes up those it needs and the prototxt does not name."""
    return max(len(layer.top), kind.tops.least) if kind.loss else len(layer.top)


def loss_weights(layer: Any, kind: LayerType, tops: int) -> tuple[float, ...]:
    """How much each top adds to the loss: as the prototxt says, or 1 for the first top of a loss layer."""
    if layer.loss_weight:
        return tuple(layer.loss_weight)
    return (1.0 if kind.loss else 0.0, *(0.0,) * (tops - 1))[:tops]
