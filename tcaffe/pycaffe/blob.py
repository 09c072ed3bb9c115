"""Blobs: named float arrays, as pycaffe shows them."""

from __future__ import annotations

import math
import sys

import numpy as np

Shape = tuple[int, ...]
OWN_REFERENCES = 2  # to an array that only its blob holds: the blob's, and the one of the call that counts


class Blob:
    """An array of a net: an activation or a parameter.

    `data` is a live view: what is written to it is read by the next pass, and the next pass writes to it. Where it
    lies changes when the net is reshaped, and its axes may lie in any order in memory: index it, for its `reshape` can
    be a copy. `diff` has the same shape. Both start as zeros.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = tuple(shape)
        self._data: np.ndarray | None = None
        self._diff: np.ndarray | None = None

    @property
    def data(self) -> np.ndarray:
        """The values."""
        if self._data is None:
            self._data = np.zeros(self._shape, np.float32)
        return self._data

    @property
    def diff(self) -> np.ndarray:
        """The gradients."""
        if self._diff is None:
            self._diff = np.zeros(self._shape, np.float32)
        return self._diff

    @property
    def shape(self) -> Shape:
        """Elements along each axis."""
        return self._shape

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self._shape)

    @property
    def num(self) -> int:
        """The first of four axes."""
        return self._legacy(0)

    @property
    def channels(self) -> int:
        """The second of four axes."""
        return self._legacy(1)

    @property
    def height(self) -> int:
        """The third of four axes."""
        return self._legacy(2)

    @property
    def width(self) -> int:
        """The last of four axes."""
        return self._legacy(3)

    def _legacy(self, axis: int) -> int:
        """The size of one of four axes; those the blob does not have are 1."""
        if len(self._shape) > 4:
            raise ValueError(f"a blob of {len(self._shape)} axes has no num, channels, height and width; see its shape")
        return self._shape[axis] if axis < len(self._shape) else 1

    def reshape(self, *dims: int) -> None:
        """Give the blob another shape; the net follows at its next reshape or forward. New values are zeros."""
        shape = tuple(int(n) for n in dims)
        if any(n < 0 for n in shape):
            raise ValueError(f"{list(shape)} is not a shape")
        if shape != self._shape:
            self._shape, self._data, self._diff = shape, None, None

    def bind(self, data: np.ndarray) -> None:
        """Let `data`, of the blob's own shape, hold its values from now on."""
        self._data = data

    def bind_diff(self, diff: np.ndarray) -> None:
        """Let `diff`, of the blob's own shape, hold its gradients from now on."""
        self._diff = diff

    def start_diff(self, value: float) -> None:
        """Fill the gradients with `value`, unless they were looked at since the blob took its shape."""
        if self._diff is None:
            self.diff.fill(value)

    def __repr__(self) -> str:
        return f"Blob({', '.join(map(str, self._shape))})"


class Values:
    """The numbers of a parameter, which know whether anybody may have written to them.

    `array` is for readers inside. What users get is a view of another array over the same bytes, and every view of
    that view refers to it too (numpy looks no further for the owner than a memoryview): as long as only this object
    refers to it, nobody else can write.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.array = np.array(values, np.float32, order="C")
        self._shown = np.frombuffer(self.array.data, np.float32)
        self._was_shown = False
        self._version = 0

    def show(self) -> np.ndarray:
        """A view that may be written to."""
        self._was_shown = True
        return self._shown.reshape(self.array.shape)

    def version(self) -> int:
        """A number that is another one whenever the numbers may have changed since it was last asked for."""
        self._version += self._was_shown or sys.getrefcount(self._shown) > OWN_REFERENCES
        self._was_shown = False
        return self._version

    def set(self, values: np.ndarray) -> None:
        """Take new numbers."""
        self.array[...] = values
        self.changed()

    def changed(self) -> None:
        """Somebody inside has written to `array`."""
        self._version += 1


class ParameterBlob(Blob):
    """A parameter: its shape is its layer's affair, and its values may be shared with another net."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__(values.shape)
        self._values = Values(values)

    @property
    def data(self) -> np.ndarray:
        """The values."""
        return self._values.show()

    @property
    def values(self) -> np.ndarray:
        """The values, for who does not write to them."""
        return self._values.array

    @property
    def version(self) -> int:
        """A number that is another one whenever the values may have changed since it was last asked for."""
        return self._values.version()

    def set(self, values: np.ndarray) -> None:
        """Take new values; raises ValueError where they have another shape."""
        self._check(values.shape)
        self._values.set(values)

    def changed(self) -> None:
        """Somebody inside has written to `values`."""
        self._values.changed()

    def share(self, other: ParameterBlob) -> None:
        """Have the values of `other` from now on, not copies; raises ValueError where they have another shape."""
        self._check(other.shape)
        self._values = other._values

    def _check(self, shape: Shape) -> None:
        if shape != self.shape:
            raise ValueError(f"a parameter of {list(self.shape)} cannot take {list(shape)}")

    def reshape(self, *dims: int) -> None:
        """Refuse another shape: the layer decides how large its parameters are."""
        if dims != self.shape:
            raise ValueError(f"a parameter of {list(self.shape)} cannot be reshaped to {list(dims)}")
