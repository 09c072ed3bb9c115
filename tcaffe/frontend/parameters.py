"""The values of a net's parameters: how they start, and what they take from weights files."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from tcaffe.diagnostics import Diagnostic
from tcaffe.frontend.fillers import fill
from tcaffe.frontend.lower import Lowered, LoweredLayer
from tcaffe.frontend.sharing import Parameter
from tcaffe.frontend.weights import Target, match_weights, read_weights
from tcaffe.ir import ops
from tcaffe.ir.node import Node

Path = str | os.PathLike[str]
Values = dict[str, np.ndarray]


def parameter_values(lowered: Lowered, weights: Path | Sequence[Path] | None, random: np.random.Generator) -> Values:
    """An array for each parameter of the net, by name: from the weights files, else from its filler."""
    paths = [] if weights is None else [weights] if isinstance(weights, (str, os.PathLike)) else list(weights)
    loaded: Values = {}
    for path in paths:  # later files win
        loaded |= load_values(lowered, path)[0]
    return {name: loaded[name] if name in loaded else start_value(p, random) for name, p in owned(lowered).items()}


def owned(lowered: Lowered) -> dict[str, Parameter]:
    """The parameters of a net by the names they have in its graph."""
    return {p.node.name: p for p in lowered.parameters}


def start_value(p: Parameter, random: np.random.Generator) -> np.ndarray:
    """What the prototxt itself holds for a parameter, else what its filler makes."""
    if p.values is None:
        return fill(p.filler, p.node.shape, random)
    numbers = p.values.double_data or p.values.data  # type: ignore[attr-defined]
    return np.array(numbers, np.float32).reshape(p.node.shape)


def load_values(lowered: Lowered, path: Path) -> tuple[Values, tuple[Diagnostic, ...]]:
    """The parameters that a weights file has for the layers of a net, by name, and warnings about what it has not.

    The arrays may be views of the mapped file, and of its element type. Raises CompileError with every mismatch.
    """
    matched = match_weights(read_weights(path), [_target(layer) for layer in lowered.layers if layer.params])
    values: Values = {}
    for layer, blobs in matched.blobs.items():
        for i, array in blobs.items():
            owner = owner_of(lowered.params[layer][i])
            values[owner.name] = array.reshape(owner.shape)
    return values, matched.warnings


def owner_of(param: Node) -> Node:
    """The parameter itself, for one that a layer sees under another shape."""
    return param.inputs[0] if param.op is ops.reshape else param


def shared_places(lowered: Lowered) -> dict[str, set[int]]:
    """Which parameters of each layer, by number, are another layer's."""
    return {
        layer.name: {k for k, p in enumerate(layer.params) if not owner_of(p).name.startswith(f"{layer.name}.")}
        for layer in lowered.layers
    }


def _target(layer: LoweredLayer) -> Target:
    """A layer as weights are matched to it; what another layer owns may be missing from a file."""
    own = f"{layer.name}."
    shared = frozenset(i for i, p in enumerate(layer.params) if not owner_of(p).name.startswith(own))
    return Target(layer.name, tuple(p.shape for p in layer.params), shared)
