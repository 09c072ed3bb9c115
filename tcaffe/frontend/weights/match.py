"""Matching: which array of a file becomes which parameter of a net."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tcaffe.diagnostics import Diagnostic, Reporter, suggest
from tcaffe.frontend.weights.blob import Shape, StoredBlob, StoredLayer

SHOWN = 8  # names in one message
COMPARED = 50  # layers of a file that a similar name is looked for
RENAME = "to train the layer from scratch instead, give it another name"


@dataclass(frozen=True, slots=True)
class Target:
    """A layer of the net that has parameters: their shapes, and which of them it shares with an earlier layer."""

    layer: str
    shapes: tuple[Shape, ...]
    shared: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Matched:
    """Arrays by layer name and number, in the net's shapes; and what was left over on either side.

    `ignored` are layers of the files that have parameters and that the net has not, `missing` layers of the net that
    the files have not; `warnings` tell both.
    """

    blobs: dict[str, dict[int, np.ndarray]]
    ignored: tuple[str, ...]
    missing: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]


def match_weights(layers: Iterable[StoredLayer], targets: Sequence[Target]) -> Matched:
    """Give every stored layer, of one file or of several, to the first layer of the net with its name; later ones win.

    Raises CompileError (E0504, E0505) with every layer whose arrays are not as many or not of the shapes it needs.
    """
    reporter = Reporter()
    wanted = {t.layer: t for t in reversed(targets)}
    found: dict[str, dict[int, np.ndarray]] = {}
    ignored: dict[str, None] = {}
    for layer in layers:
        if target := wanted.get(layer.name):
            found.setdefault(layer.name, {}).update(_taken(layer, target, reporter))
        elif layer.blobs:
            ignored[layer.name] = None
    reporter.raise_if_errors()
    missing = dict.fromkeys(t.layer for t in targets if t.shapes and t.layer not in found)
    _tell_left_over(list(ignored), list(missing), reporter)
    return Matched(found, tuple(ignored), tuple(missing), tuple(reporter.diagnostics))


def _taken(layer: StoredLayer, target: Target, reporter: Reporter) -> dict[int, np.ndarray]:
    """The arrays of a stored layer in the shapes of the net's; reports what does not fit."""
    stored, shapes = layer.blobs, target.shapes
    if len(stored) > len(shapes) or not target.shared.issuperset(range(len(stored), len(shapes))):
        file = layer.file or "the file"
        in_file = " ".join(str(list(blob.shape)) if blob else "none" for blob in stored) or "none"
        in_net = " ".join(str(list(shape)) for shape in shapes)
        reporter.error(
            "E0504", f"layer `{layer.name}` has {_parameters(len(stored))} in the file and {len(shapes)} in the net",
            note=f"their shapes: {in_file} in {file}, {in_net} in the net", suggestion=RENAME,
        )  # fmt: skip
        return {}
    fitting = {}
    for i, (blob, shape) in enumerate(zip(stored, shapes, strict=False)):
        if complaint := _complaint(blob, shape, i in target.shared):
            code, what, suggestion = complaint
            note = f"the file is {layer.file}" if layer.file else ""
            reporter.error(code, f"parameter {i} of layer `{layer.name}` {what}", None, note, suggestion)
        elif blob is not None:
            fitting[i] = blob.data.reshape(shape)
    return fitting


def _complaint(blob: StoredBlob | None, shape: Shape, shared: bool) -> tuple[str, str, str] | None:
    """Why an array cannot be a parameter of that shape: code, words and advice; None if it can."""
    if blob is None:
        return None if shared else ("E0504", "is missing from the file", "")
    if not blob.fits(shape):
        return "E0505", f"is {list(blob.shape)} in the file and {list(shape)} in the net", RENAME
    if not blob.complete:
        return "E0502", f"is {list(blob.shape)} in the file, which holds {blob.data.size} numbers for it", ""
    return None


def _tell_left_over(ignored: list[str], missing: list[str], reporter: Reporter) -> None:
    """Warn of layers that have a counterpart of a similar name, and of all others together."""
    near = {name: suggestion for name in ignored[:COMPARED] if (suggestion := suggest(name, missing))}
    for name, suggestion in near.items():
        reporter.warn("E0506", f"the weights of layer `{name}` are not used", suggestion=suggestion)
    if others := [name for name in ignored if name not in near]:
        note = "the net has no layers of these names, or none with parameters"
        reporter.warn("E0506", f"the weights of {_layers(others)} are not used", note=note)
    if missing:
        note = "they start as their fillers say"
        reporter.warn("E0507", f"there are no weights for {_layers(missing)}", note=note)


def _parameters(count: int) -> str:
    return f"{count} parameter{'' if count == 1 else 's'}"


def _layers(names: list[str]) -> str:
    """Layers by name, the first few of many."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"layer{'' if len(names) == 1 else 's'} {', '.join(f'`{name}`' for name in names[:SHOWN])}{more}"
