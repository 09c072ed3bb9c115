"""Triton's interpreter: kernels run on the CPU, an operation of a program at a time, to see that they are right.

It reads and writes real memory. Here an access outside what a kernel was given is an error instead.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.ir.program import Launch

Ranges = list[tuple[int, int]]


class Interpreted:
    """A launch bound to the arrays that it works on."""

    def __init__(self, function: Any, launch: Launch, arrays: Sequence[np.ndarray]) -> None:
        self._ranges = prepare()
        self._function, self._launch = function, launch
        self._tensors = [_tensor(a) for a in arrays]
        self._reach = [(a.ctypes.data, a.ctypes.data + _extent(a)) for a in arrays]

    def run(self) -> None:
        """Start all programs, one after the other; raises IndexError where one leaves its arrays."""
        if self._launch.programs == 0:
            return
        self._ranges[:] = self._reach
        try:
            self._function[(self._launch.programs,)](*self._tensors, **self._launch.constants)
        finally:
            self._ranges.clear()


def bind(functions: Mapping[str, Any], launch: Launch, arrays: Mapping[str, np.ndarray]) -> Interpreted:
    """A launch on these arrays, by the names that it gives them."""
    return Interpreted(functions[launch.function], launch, [arrays[name] for name in launch.pointers])


def _tensor(array: np.ndarray) -> Any:
    """The same memory as torch sees it. What nobody may write to, no kernel writes to either: torch need not warn."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(array)


def _extent(array: np.ndarray) -> int:
    """Bytes from an array's first element to the end of its last."""
    if array.size == 0:
        return 0
    return sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)) + array.itemsize


@functools.cache
def prepare() -> Ranges:
    """The addresses that kernels may use; from the first call on Triton's interpreter heeds them.

    Raises CompileError (E0628) where it came too late to interpret anything.
    """
    _check_order()
    from triton.runtime import interpreter

    builder = interpreter.InterpreterBuilder
    load, store = builder.create_masked_load, builder.create_masked_store
    ranges: Ranges = []

    def check(pointers: Any, mask: Any) -> None:
        addresses = np.broadcast_to(pointers.data, np.shape(mask.data))[np.asarray(mask.data, bool)]
        inside = np.zeros(addresses.shape, bool)
        for low, high in ranges:
            inside |= (addresses >= np.uint64(low)) & (addresses < np.uint64(high))
        if not inside.all():
            raise IndexError(f"{(~inside).sum()} of {inside.size} accesses are out of bounds")

    def checked_load(self: Any, pointers: Any, mask: Any, *rest: Any) -> Any:
        check(pointers, mask)
        return load(self, pointers, mask, *rest)

    def checked_store(self: Any, pointers: Any, value: Any, mask: Any, *rest: Any) -> Any:
        check(pointers, mask)
        return store(self, pointers, value, mask, *rest)

    builder.create_masked_load, builder.create_masked_store = checked_load, checked_store
    return ranges


def _check_order() -> None:
    """Raise CompileError (E0628) if Triton was imported before it was told to interpret: half of it would not."""
    if "triton" in sys.modules:
        import triton.language as tl

        if type(tl.sum).__name__ != "InterpretedFunction":
            message = "TRITON_INTERPRET was set after triton had been imported"
            raise CompileError([Diagnostic("E0628", message, suggestion="set it before Python starts")])
