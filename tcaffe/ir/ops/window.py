"""Windows: a reduction over every position of a sliding window."""

from __future__ import annotations

import math

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import DTYPES, TensorType, require

Pairs = tuple[tuple[int, int], ...]
KINDS = ("max", "sum", "average", "argmax")
LOWEST = -3.4028234663852886e38


def _pool(
    x: np.ndarray, kind: str, axes: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...], pad: Pairs
) -> np.ndarray:
    x = np.asarray(x)
    view = _windows(x, LOWEST if kind in ("max", "argmax") else 0.0, axes, size, stride, pad)
    last = tuple(range(x.ndim, view.ndim))
    if kind == "max":
        return np.max(view, last)
    if kind == "argmax":
        return _argmax(view, x.shape, axes, stride, pad)
    total = np.sum(view, last)
    return total if kind == "sum" else total / _divisor(x.shape, total.shape, axes, size, stride, pad)


def _windows(
    x: np.ndarray, fill: float, axes: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...], pad: Pairs
) -> np.ndarray:
    """A view with the window of every position as further axes; `fill` stands for what is padded."""
    pads, steps = dict(zip(axes, pad, strict=True)), dict(zip(axes, stride, strict=True))
    padded = np.pad(x, [pads.get(i, (0, 0)) for i in range(x.ndim)], constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, size, axes)
    return view[tuple(slice(None, None, steps.get(i, 1)) for i in range(x.ndim))]


def _divisor(
    shape: tuple[int, ...],
    out: tuple[int, ...],
    axes: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    pad: Pairs,
) -> np.ndarray:
    """How many positions of each window lie inside the input grown by the leading padding on both sides."""
    count = np.ones((1,) * len(shape))
    for axis, k, s, (low, _) in zip(axes, size, stride, pad, strict=True):
        start = np.arange(out[axis]) * s - low
        along = np.minimum(start + k, shape[axis] + low) - start
        count = count * along.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return count


def _argmax(
    view: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...], stride: tuple[int, ...], pad: Pairs
) -> np.ndarray:
    """The row-major index, within the pooled axes of the input, of the first largest element of each window."""
    rank = len(shape)
    first, sizes = _first(view, rank), view.shape[rank:]
    index = np.zeros(first.shape)
    for axis, s, (low, _), offset in zip(axes, stride, pad, np.unravel_index(first, sizes), strict=True):
        start = np.arange(view.shape[axis]).reshape([-1 if i == axis else 1 for i in range(rank)]) * s - low
        index = index * shape[axis] + start + offset
    return index.astype(view.dtype)


def _first(view: np.ndarray, rank: int) -> np.ndarray:
    """The number, row-major within the window, of the first largest element of each of the windows of `view`."""
    return np.argmax(view.reshape(*view.shape[:rank], -1), -1)


@core_op("window", reference=_pool)
def pool(
    x: TensorType,
    *,
    kind: str,
    axes: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    pad: Pairs,
) -> TensorType:
    """A reduction of the window of `size` at every `stride` along `axes`, padded by (before, after).

    `max` sees padding as the lowest number and `sum` as 0. `average` divides by the positions inside the input grown
    by the leading padding on both sides: a window that hangs over further, as rounding up lets it, counts less.
    `argmax` is the index of the first largest element, row-major within the pooled axes, as a float.
    """
    require(kind in KINDS, f"pool kind {kind!r} is none of {', '.join(KINDS)}")
    require(len(axes) == len(size) == len(stride) == len(pad), "pool needs one size, stride and padding per axis")
    shape = list(x.shape)
    for axis, k, s, (low, high) in zip(axes, size, stride, pad, strict=True):
        sound = 0 <= axis < x.rank and min(k, s) > 0 and min(low, high) >= 0
        require(sound, f"bad window over axis {axis} of {x}")
        shape[axis] = (x.shape[axis] + low + high - k) // s + 1
        require(shape[axis] > 0, f"a window of {k} does not fit into axis {axis} of {x} padded by {low} and {high}")
    return x.with_shape(*shape)


def _pool_tap(
    x: np.ndarray, axes: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...], pad: Pairs
) -> np.ndarray:
    x = np.asarray(x)
    return _first(_windows(x, LOWEST, axes, size, stride, pad), x.ndim).astype(DTYPES[_tap_dtype(size)])


def _tap_dtype(size: tuple[int, ...]) -> str:
    """The smallest element type that can number the elements of a window."""
    return "u8" if math.prod(size) <= 256 else "i32"


@core_op("window", reference=_pool_tap)
def pool_tap(
    x: TensorType, *, axes: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...], pad: Pairs
) -> TensorType:
    """Which element of its window a `max` pool takes: the number of the first largest one, row-major in the window.

    Where nothing is larger than padding (not-a-numbers, say) it is some element of the image nevertheless.
    """
    return pool.rule(x, kind="max", axes=axes, size=size, stride=stride, pad=pad).with_dtype(_tap_dtype(size))


def _pool_dx(
    g: np.ndarray,
    kind: str,
    axes: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    pad: Pairs,
    shape: tuple[int, ...],
) -> np.ndarray:
    share = g / _divisor(shape, g.shape, axes, size, stride, pad) if kind == "average" else np.asarray(g)
    pads = dict(zip(axes, pad, strict=True))
    padded = [n + sum(pads.get(i, (0, 0))) for i, n in enumerate(shape)]
    total = np.zeros(padded, g.dtype)
    for offset in np.ndindex(*size):
        part = [slice(None)] * len(shape)
        for axis, first, step in zip(axes, offset, stride, strict=True):
            part[axis] = slice(first, first + (g.shape[axis] - 1) * step + 1, step)
        total[tuple(part)] += share
    return total[tuple(slice(pads.get(i, (0, 0))[0], pads.get(i, (0, 0))[0] + n) for i, n in enumerate(shape))]


@core_op("window", reference=_pool_dx)
def pool_dx(
    g: TensorType,
    *,
    kind: str,
    axes: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    pad: Pairs,
    shape: tuple[int, ...],
) -> TensorType:
    """The transpose of a `sum` or `average` pool of `shape`: each element of g added to all of its window."""
    require(kind in ("sum", "average"), f"a pool of kind {kind!r} has no transpose")
    out = pool.rule(g.with_shape(*shape), kind=kind, axes=axes, size=size, stride=stride, pad=pad)
    require(out.shape == g.shape, f"a pool of {list(shape)} gives {out}, not {g}")
    return g.with_shape(*shape)


def _unpool(
    g: np.ndarray,
    tap: np.ndarray,
    axes: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    pad: Pairs,
    shape: tuple[int, ...],
) -> np.ndarray:
    where: list[np.ndarray] = list(np.indices(g.shape))
    inside = np.ones(g.shape, bool)
    for axis, step, (low, _), at in zip(axes, stride, pad, np.unravel_index(tap.astype(np.int64), size), strict=True):
        where[axis] = where[axis] * step - low + at
        inside &= (where[axis] >= 0) & (where[axis] < shape[axis])
    total = np.zeros(shape, g.dtype)
    np.add.at(total, tuple(w[inside] for w in where), g[inside])
    return total


@core_op("window", reference=_unpool)
def unpool(
    g: TensorType,
    tap: TensorType,
    *,
    axes: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    pad: Pairs,
    shape: tuple[int, ...],
) -> TensorType:
    """Each element of g added to the element of its window that `tap`, a `pool_tap` of `shape`, names.

    Invariant: that is no padding, unless the whole window is; then g goes nowhere.
    """
    taps = pool_tap.rule(g.with_shape(*shape), axes=axes, size=size, stride=stride, pad=pad)
    require(taps.shape == g.shape and taps.same_value(tap), f"taps of {list(shape)} are {taps}, not {tap} of {g}")
    return g.with_shape(*shape)
