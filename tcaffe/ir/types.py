"""Tensor types: what a value is (shape, element type) and how it lies in memory (order of its axes)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

DTYPES: dict[str, type[np.generic]] = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i32": np.int32,
    "i64": np.int64,
    "u8": np.uint8,
    "bool": np.bool_,
}


class IRError(Exception):
    """A rule of the IR is broken: the message says which, in terms of types and attributes."""


def require(ok: bool, message: str) -> None:
    """Raise IRError with `message` unless `ok`."""
    if not ok:
        raise IRError(message)


@dataclass(frozen=True, slots=True)
class TensorType:
    """The type of a value, printed `f32[64,20,24,24]`.

    `order` lists the axes from the outermost to the innermost in memory; `()` stands for row-major. It says
    where elements lie, never what they are: two types that differ in order alone are interchangeable in meaning.
    """

    shape: tuple[int, ...]
    dtype: str = "f32"
    order: tuple[int, ...] = ()

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return np.dtype(self.numpy).itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.itemsize

    @property
    def numpy(self) -> type[np.generic]:
        """The numpy element type."""
        return DTYPES[self.dtype]

    @property
    def is_float(self) -> bool:
        """Whether its elements are floating-point numbers."""
        return self.dtype.startswith("f")

    @property
    def axes_in_memory(self) -> tuple[int, ...]:
        """The axes from outermost to innermost."""
        return self.order or tuple(range(self.rank))

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one element to the next along each axis, for a value stored densely in `order`."""
        steps = [0] * self.rank
        step = self.itemsize
        for axis in reversed(self.axes_in_memory):
            steps[axis] = step
            step *= self.shape[axis]
        return tuple(steps)

    def with_shape(self, *shape: int) -> TensorType:
        """The same element type with another shape, row-major."""
        return TensorType(tuple(shape), self.dtype)

    def with_dtype(self, dtype: str) -> TensorType:
        """The same shape with another element type, row-major."""
        return TensorType(self.shape, dtype)

    def with_order(self, order: tuple[int, ...]) -> TensorType:
        """The same type laid out in `order`; an order that is row-major becomes `()`."""
        return replace(self, order=() if order == tuple(range(self.rank)) else order)

    def same_value(self, other: TensorType) -> bool:
        """Whether both have one shape and one element type, wherever their elements lie."""
        return self.shape == other.shape and self.dtype == other.dtype

    def __str__(self) -> str:
        layout = f"{{{','.join(map(str, self.order))}}}" if self.order else ""
        return f"{self.dtype}[{','.join(map(str, self.shape))}]{layout}"
