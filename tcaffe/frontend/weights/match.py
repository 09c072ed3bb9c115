"""Matching: which array of a file becomes which parameter of a net."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tcaffe.diagnostics import Diagnostic, Reporter, suggest
from tcaffe.frontend.weights.blob import Shape, StoredBlob, StoredLayer

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

    `warnings` tell the layers of the file that the net has no use for, where the net has a similar name.
    """

    blobs: dict[str, dict[int, np.ndarray]]
    ignored: tuple[str, ...]
    missing: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]


def match_weights(layers: Iterable[StoredLayer], targets: Sequence[Target]) -> Matched:
    """Give every layer of the file to the first layer of the net with its name.

    Raises CompileError (E0504, E0505) with every layer whose arrays are not as many or not of the shapes it needs.
    """
    reporter = Reporter()
    wanted = {t.layer: t for t in reversed(targets)}
    found: dict[str, dict[int, np.ndarray]] = {}
    ignored = []
    for layer in layers:
        target = wanted.get(layer.name)
        if target is None:
            ignored += [layer.name] if layer.blobs else []
        elif _agree(layer, target, reporter):
            pairs = zip(layer.blobs, target.shapes, strict=True)
            taken = {i: blob.data.reshape(shape) for i, (blob, shape) in enumerate(pairs) if blob is not None}
            found.setdefault(layer.name, {}).update(taken)
    missing = tuple(t.layer for t in targets if t.shapes and t.layer not in found)
    for name in ignored:
        if near := suggest(name, missing):
            reporter.warn("E0506", f"the net has no layer `{name}`, its weights are not used", suggestion=near)
    reporter.raise_if_errors()
    return Matched(found, tuple(ignored), missing, tuple(reporter.diagnostics))


def _agree(layer: StoredLayer, target: Target, reporter: Reporter) -> bool:
    """Whether a layer of the file has what the net's layer of that name needs; reports what it has not."""
    blobs = layer.blobs
    if len(blobs) < len(target.shapes) and all(i in target.shared for i in range(len(blobs), len(target.shapes))):
        blobs = (*blobs, *(None for _ in range(len(target.shapes) - len(blobs))))
    if len(blobs) != len(target.shapes):
        message = f"layer `{layer.name}` has {len(blobs)} parameters in the file and {len(target.shapes)} in the net"
        reporter.error("E0504", message, note=f"the net's are {_shapes(target.shapes)}", suggestion=RENAME)
        return False
    pairs = enumerate(zip(blobs, target.shapes, strict=True))
    fits = [_fits(layer.name, i, blob, shape, i in target.shared, reporter) for i, (blob, shape) in pairs]
    return all(fits)


def _fits(name: str, i: int, blob: StoredBlob | None, shape: Shape, shared: bool, reporter: Reporter) -> bool:
    if blob is None:
        if not shared:
            reporter.error("E0504", f"parameter {i} of layer `{name}` is missing from the file")
        return shared
    if not blob.fits(shape):
        reporter.error(
            "E0505", f"parameter {i} of layer `{name}` is {list(blob.shape)} in the file and {list(shape)} in the net",
            suggestion=RENAME,
        )  # fmt: skip
        return False
    if not blob.complete:
        message = f"parameter {i} of layer `{name}` holds {blob.data.size} numbers for {list(blob.shape)}"
        reporter.error("E0505", message)
        return False
    return True


def _shapes(shapes: Sequence[Shape]) -> str:
    return " ".join(str(list(s)) for s in shapes)
