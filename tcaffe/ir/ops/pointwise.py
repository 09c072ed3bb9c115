"""Pointwise ops: one element of the result from the same element of each operand."""

from __future__ import annotations

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import DTYPES, IRError, TensorType, require


def same(x: TensorType, *others: TensorType) -> TensorType:
    """The common type of operands that must agree; raises IRError when they do not."""
    for y in others:
        if not x.same_value(y):  # asked for every node after every pass: the message is only made where it is needed
            raise IRError(f"{x} does not match {y}")
    return TensorType(x.shape, x.dtype)


@core_op("pointwise", reference=np.add)
def add(x: TensorType, y: TensorType) -> TensorType:
    """x + y."""
    return same(x, y)


@core_op("pointwise", reference=np.subtract)
def sub(x: TensorType, y: TensorType) -> TensorType:
    """x - y."""
    return same(x, y)


@core_op("pointwise", reference=np.multiply)
def mul(x: TensorType, y: TensorType) -> TensorType:
    """x * y."""
    return same(x, y)


@core_op("pointwise", reference=np.divide)
def div(x: TensorType, y: TensorType) -> TensorType:
    """x / y."""
    return same(x, y)


@core_op("pointwise", reference=np.negative)
def neg(x: TensorType) -> TensorType:
    """-x."""
    return same(x)


@core_op("pointwise", reference=np.power)
def pow_(x: TensorType, y: TensorType) -> TensorType:
    """x to the power of y; not a number for a negative x and a fractional y."""
    return same(x, y)


@core_op("pointwise", reference=np.maximum)
def maximum(x: TensorType, y: TensorType) -> TensorType:
    """The larger of x and y."""
    return same(x, y)


@core_op("pointwise", reference=np.minimum)
def minimum(x: TensorType, y: TensorType) -> TensorType:
    """The smaller of x and y."""
    return same(x, y)


@core_op("pointwise", reference=np.exp)
def exp(x: TensorType) -> TensorType:
    """e to the power of x."""
    return same(x)


@core_op("pointwise", reference=np.log)
def log(x: TensorType) -> TensorType:
    """The natural logarithm of x."""
    return same(x)


@core_op("pointwise", reference=np.sqrt)
def sqrt(x: TensorType) -> TensorType:
    """The square root of x."""
    return same(x)


@core_op("pointwise", reference=np.abs)
def abs_(x: TensorType) -> TensorType:
    """|x|."""
    return same(x)


@core_op("pointwise", reference=np.sign)
def sign(x: TensorType) -> TensorType:
    """-1, 0 or 1."""
    return same(x)


@core_op("pointwise", reference=np.floor)
def floor(x: TensorType) -> TensorType:
    """The largest whole number that is not above x."""
    return same(x)


@core_op("pointwise", reference=np.tanh)
def tanh(x: TensorType) -> TensorType:
    """The hyperbolic tangent of x."""
    return same(x)


@core_op("pointwise", reference=np.greater)
def greater(x: TensorType, y: TensorType) -> TensorType:
    """Whether x > y, as a bool."""
    return same(x, y).with_dtype("bool")


@core_op("pointwise", reference=np.equal)
def equal(x: TensorType, y: TensorType) -> TensorType:
    """Whether x is y, as a bool."""
    return same(x, y).with_dtype("bool")


@core_op("pointwise", reference=np.where)
def select(condition: TensorType, x: TensorType, y: TensorType) -> TensorType:
    """x where the condition holds, y elsewhere."""
    require(condition.dtype == "bool", f"select needs a bool condition, not {condition}")
    require(condition.shape == x.shape, f"{condition} does not match {x}")
    return same(x, y)


@core_op("pointwise", reference=lambda x, dtype: np.asarray(x).astype(DTYPES[dtype]))
def cast(x: TensorType, *, dtype: str) -> TensorType:
    """x as another element type; a float becomes an integer by truncation toward zero."""
    require(dtype in DTYPES, f"unknown element type {dtype!r}")
    return x.with_dtype(dtype)
