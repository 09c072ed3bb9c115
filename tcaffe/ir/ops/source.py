"""Sources: values that come from outside or from nothing."""

from __future__ import annotations

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import DTYPES, TensorType, require


def _shaped(shape: tuple[int, ...], dtype: str) -> TensorType:
    require(dtype in DTYPES, f"unknown element type {dtype!r}")
    require(all(isinstance(n, int) and n >= 0 for n in shape), f"{list(shape)} is not a shape")
    return TensorType(tuple(shape), dtype)


def _fed(**_: object) -> np.ndarray:
    raise AssertionError("inputs and parameters are fed, not computed")


@core_op("source", reference=_fed)
def input_(*, shape: tuple[int, ...], dtype: str = "f32") -> TensorType:
    """A value the caller gives on every run."""
    return _shaped(shape, dtype)


@core_op("source", reference=_fed)
def param(*, shape: tuple[int, ...], dtype: str = "f32", filler: str = "") -> TensorType:
    """A value that stays from run to run: a weight, a running statistic. `filler` names how it starts."""
    return _shaped(shape, dtype)


def _const(value: float | tuple[float, ...], shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.broadcast_to(np.array(value, DTYPES[dtype]).reshape(shape if isinstance(value, tuple) else ()), shape)


@core_op("source", reference=_const)
def const(*, value: float | tuple[float, ...], shape: tuple[int, ...] = (), dtype: str = "f32") -> TensorType:
    """A number that fills `shape`, or the row-major elements of a small table."""
    kind = _shaped(shape, dtype)
    require(not isinstance(value, tuple) or len(value) == kind.size, f"{kind} needs {kind.size} elements")
    return kind


def _iota(axis: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    steps = np.arange(shape[axis], dtype=DTYPES[dtype])
    return np.broadcast_to(steps.reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape)


@core_op("source", reference=_iota)
def iota(*, axis: int, shape: tuple[int, ...], dtype: str = "f32") -> TensorType:
    """0, 1, 2 ... along `axis`."""
    require(0 <= axis < len(shape), f"axis {axis} is not one of {list(shape)}")
    return _shaped(shape, dtype)
