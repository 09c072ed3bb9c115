"""Shape ops: the same elements, arranged otherwise."""

from __future__ import annotations

import math

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import TensorType, require


@core_op("shape", reference=lambda x, shape: np.reshape(x, shape))
def reshape(x: TensorType, *, shape: tuple[int, ...]) -> TensorType:
    """The elements of x in row-major order as another shape of as many elements."""
    require(math.prod(shape) == x.size, f"cannot reshape {x} to {list(shape)}")
    return x.with_shape(*shape)


@core_op("shape", reference=lambda x, order: np.transpose(x, order))
def transpose(x: TensorType, *, order: tuple[int, ...]) -> TensorType:
    """x with its axes permuted: axis i of the result is axis order[i] of x."""
    require(sorted(order) == list(range(x.rank)), f"{list(order)} does not permute the axes of {x}")
    return x.with_shape(*(x.shape[i] for i in order))


def _broadcast(x: np.ndarray, axes: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    aligned = [1] * len(shape)
    for axis, n in zip(axes, x.shape, strict=True):
        aligned[axis] = n
    return np.broadcast_to(x.reshape(aligned), shape)


@core_op("shape", reference=_broadcast)
def broadcast(x: TensorType, *, axes: tuple[int, ...] = (), shape: tuple[int, ...]) -> TensorType:
    """x repeated to fill `shape`; its own axes become `axes` of the result, in rising order."""
    rising = len(axes) == x.rank and list(axes) == sorted(set(axes))
    require(rising, f"{x} needs {x.rank} rising axes, not {list(axes)}")
    fits = all(0 <= a < len(shape) and shape[a] == n for a, n in zip(axes, x.shape, strict=True))
    require(fits, f"cannot broadcast {x} to {list(shape)} along {list(axes)}")
    return x.with_shape(*shape)


def _slice(x: np.ndarray, begin: tuple[int, ...], end: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
    return x[tuple(slice(b, e, s) for b, e, s in zip(begin, end, stride or (1,) * x.ndim, strict=True))]


@core_op("shape", reference=_slice)
def slice_(x: TensorType, *, begin: tuple[int, ...], end: tuple[int, ...], stride: tuple[int, ...] = ()) -> TensorType:
    """Every stride-th element of [begin, end) along each axis."""
    steps = stride or (1,) * x.rank
    require(len(begin) == len(end) == len(steps) == x.rank, f"slice of {x} needs {x.rank} bounds")
    fits = all(0 <= b <= e <= n and s > 0 for b, e, s, n in zip(begin, end, steps, x.shape, strict=True))
    require(fits, f"[{list(begin)}, {list(end)}) is outside {x}")
    return x.with_shape(*(-(-(e - b) // s) for b, e, s in zip(begin, end, steps, strict=True)))


def _pad(x: np.ndarray, low: tuple[int, ...], high: tuple[int, ...], value: float) -> np.ndarray:
    return np.pad(x, list(zip(low, high, strict=True)), constant_values=value)


@core_op("shape", reference=_pad)
def pad(x: TensorType, *, low: tuple[int, ...], high: tuple[int, ...], value: float = 0.0) -> TensorType:
    """x with `low` elements of `value` before and `high` after it along each axis."""
    require(len(low) == len(high) == x.rank and min((*low, *high), default=0) >= 0, f"bad padding of {x}")
    return x.with_shape(*(a + n + b for a, n, b in zip(low, x.shape, high, strict=True)))


@core_op("shape", reference=lambda *xs, axis: np.concatenate(xs, axis))
def concat(*xs: TensorType, axis: int) -> TensorType:
    """xs one after the other along `axis`."""
    require(bool(xs) and 0 <= axis < xs[0].rank, "concat needs operands that have its axis")
    rest = [(x.dtype, x.shape[:axis], x.shape[axis + 1 :]) for x in xs]
    require(all(r == rest[0] for r in rest), f"{' and '.join(map(str, xs))} differ outside axis {axis}")
    return xs[0].with_shape(*xs[0].shape[:axis], sum(x.shape[axis] for x in xs), *xs[0].shape[axis + 1 :])


@core_op("shape", reference=lambda x: x)
def keep(x: TensorType) -> TensorType:
    """x, kept in memory until it is read: no work before is done together with work behind."""
    return x


@core_op("shape", reference=lambda old, new: new)
def assign(old: TensorType, new: TensorType) -> TensorType:
    """new; and if `old` is a parameter, what that is from then on: all that reads the old value runs before."""
    require(old.same_value(new), f"{new} cannot be assigned to {old}")
    return old
