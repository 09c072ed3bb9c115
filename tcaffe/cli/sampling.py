"""Numbers to try a net with: random inputs, and random parameters for one without weights."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping

import numpy as np

from tcaffe.frontend.lower import Lowered
from tcaffe.frontend.parameters import owned
from tcaffe.frontend.sharing import Parameter
from tcaffe.ir.types import DTYPES

LABEL_READERS = {
    "Accuracy": 1, "SoftmaxWithLoss": 1, "HingeLoss": 1, "InfogainLoss": 1, "MultinomialLogisticLoss": 1, "Embed": 0,
}  # fmt: skip
"""Layers that take class numbers, and the bottom at which they do."""

Values = dict[str, np.ndarray]


def random_inputs(lowered: Lowered, seed: int) -> Values:
    """A value for each input of the net: class numbers where a layer reads some, else normally distributed numbers."""
    classes = _classes(lowered)
    found = {}
    for name in lowered.inputs:
        node = lowered.blobs[name]
        found[name] = random_value(name, node.shape, DTYPES[node.type.dtype], seed, classes.get(name))
    return found


def random_value(
    name: str, shape: tuple[int, ...], dtype: type[np.generic], seed: int, classes: int | None = None
) -> np.ndarray:
    """Random numbers that depend on the name and the seed alone; whole numbers below `classes` where there are some."""
    rng = _generator(name, seed)
    if classes is not None:
        return rng.integers(0, max(classes, 1), shape).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        return rng.standard_normal(shape, np.float32).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)


def random_parameters(lowered: Lowered, seed: int) -> Values:
    """A value for each parameter, such that what flows through the net neither dies out nor blows up."""
    types = {layer.name: layer.type for layer in lowered.layers}
    return {name: _parameter(p, types.get(p.layer, ""), _generator(name, seed)) for name, p in owned(lowered).items()}


def _parameter(p: Parameter, layer: str, rng: np.random.Generator) -> np.ndarray:
    shape = p.node.shape
    if layer == "BatchNorm":  # mean, variance, and the factor both are to be divided by
        statistics = (rng.normal(0, 0.1, shape), rng.uniform(0.5, 1.5, shape), np.ones(shape))
        return statistics[min(p.index or 0, 2)].astype(np.float32)
    if layer == "Scale" and p.index == 0:
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) < 2:
        return rng.normal(0, 0.1, shape).astype(np.float32)
    fan_in = max(math.prod(shape[1:]), 1)
    return rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / fan_in))  # He et al. 2015


def _classes(lowered: Lowered) -> Mapping[str, int]:
    """How many classes there are, for each blob that holds class numbers."""
    found = {}
    for layer in lowered.layers:
        at = LABEL_READERS.get(layer.type)
        if at is not None and at < len(layer.bottoms):
            axis = 1 if layer.type != "Embed" else 0
            shape = layer.params[0].shape if layer.type == "Embed" else lowered.blobs[layer.bottoms[0]].shape
            found[layer.bottoms[at]] = shape[axis] if axis < len(shape) else 1
    return found


def _generator(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "replace"))])
