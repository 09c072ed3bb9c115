"""Fillers: how a parameter starts before anything is loaded or learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic, suggest

Shape = tuple[int, ...]
Random = np.random.Generator


def fill(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """A float32 array of `shape` as the FillerParameter message says; raises CompileError (E0405) where it cannot."""
    if complaint := filler_complaint(filler, shape):
        raise CompileError([Diagnostic("E0405", complaint, suggestion=suggest(filler.type, FILLERS))])
    return np.array(FILLERS[filler.type](filler, shape, random), np.float32, order="C", copy=None)


def filler_complaint(filler: Any, shape: Shape) -> str:
    """Why the message cannot fill `shape`, or nothing."""
    kind = filler.type
    if kind not in FILLERS:
        return f"there is no filler `{kind}`"
    if 0 in shape or (not shape and kind != "constant"):
        return f"the filler `{kind}` cannot fill the shape {list(shape)}"
    if filler.sparse != -1 and kind != "gaussian":
        return f"`sparse` belongs to the filler `gaussian`, not to `{kind}`"
    if kind == "gaussian" and not filler.std > 0:
        return f"the filler `gaussian` needs a positive `std`, not {filler.std:g}"
    if kind == "gaussian" and not filler.sparse <= shape[0]:
        return f"the filler `gaussian` keeps {filler.sparse} of {shape[0]} inputs: `sparse` is too large"
    if kind == "uniform" and not filler.min <= filler.max:
        return f"the filler `uniform` needs `min` <= `max`, not {filler.min:g} and {filler.max:g}"
    if kind == "bilinear" and (len(shape) != 4 or shape[2] != shape[3]):
        return f"the filler `bilinear` fills square kernels of four axes, not {list(shape)}"
    return ""


def constant(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """One number everywhere."""
    return np.full(shape, filler.value, np.float32)


def uniform(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """U(min, max)."""
    return _between(filler.min, filler.max, shape, random)


def gaussian(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """N(mean, std^2); with `sparse`, each number is kept with probability sparse / shape[0] and else 0."""
    drawn = _normal(filler.mean, filler.std, shape, random)
    if filler.sparse >= 0:
        drawn *= random.random(shape, np.float32) < filler.sparse / shape[0]
    return drawn


def positive_unitball(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """U(0, 1), each slice along axis 0 scaled to the sum 1."""
    rows = random.random((shape[0], math.prod(shape[1:])), np.float32)
    return (rows / rows.sum(axis=1, keepdims=True)).reshape(shape)


def xavier(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """U(-a, a) with a = sqrt(3 / n): variance 1 / n. Glorot and Bengio, 2010."""
    a = math.sqrt(3 / _fan(filler, shape))
    return _between(-a, a, shape, random)


def msra(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """N(0, 2 / n). He et al., 2015."""
    return _normal(0, math.sqrt(2 / _fan(filler, shape)), shape, random)


def bilinear(filler: Any, shape: Shape, random: Random) -> np.ndarray:
    """The kernel of bilinear interpolation, one for every channel: a deconvolution with it enlarges an image."""
    size = shape[3]
    f = -(-size // 2)
    c = (size - 1) / (2 * f)
    ramp = 1 - np.abs(np.arange(size) / f - c)
    return np.broadcast_to(np.outer(ramp, ramp), shape)


def _between(low: float, high: float, shape: Shape, random: Random) -> np.ndarray:
    """Even between two bounds; drawn in float32, for weights can be large."""
    drawn = random.random(shape, np.float32)
    drawn *= np.float32(high - low)
    drawn += np.float32(low)
    return drawn


def _normal(mean: float, deviation: float, shape: Shape, random: Random) -> np.ndarray:
    drawn = random.standard_normal(shape, np.float32)
    drawn *= np.float32(deviation)
    drawn += np.float32(mean)
    return drawn


def _fan(filler: Any, shape: Shape) -> float:
    """The n of a scaled filler: inputs or outputs of one unit, or their mean."""
    count = math.prod(shape)
    fan_in, fan_out = count / shape[0], count / shape[1] if len(shape) > 1 else count
    return (fan_in, fan_out, (fan_in + fan_out) / 2)[filler.variance_norm]


FILLERS: dict[str, Callable[[Any, Shape, Random], np.ndarray]] = {
    f.__name__: f for f in (bilinear, constant, gaussian, msra, positive_unitball, uniform, xavier)
}
