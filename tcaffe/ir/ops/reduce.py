"""Reductions: many elements become one; the reduced axes disappear."""

from __future__ import annotations

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import TensorType, require


def without(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    """x less `axes`; raises IRError when they are not some of its axes."""
    require(len(set(axes)) == len(axes) and all(0 <= a < x.rank for a in axes), f"{list(axes)} are not axes of {x}")
    return x.with_shape(*(n for i, n in enumerate(x.shape) if i not in axes))


@core_op("reduce", reference=lambda x, axes: np.sum(x, axes))
def reduce_sum(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    """The sum over `axes`."""
    return without(x, axes)


@core_op("reduce", reference=lambda x, axes: np.max(x, axes, initial=-np.inf))
def reduce_max(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    """The largest element over `axes`."""
    return without(x, axes)
