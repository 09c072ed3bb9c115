"""Windows that slide along an axis: which operand is which tap of which window."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.codegen.numpy.blocks import affine
from tcaffe.ir.node import Node


@dataclass(frozen=True)
class Slide:
    """A window along one axis: `position` in memory order, `count` operands, `out` results."""

    position: int
    count: int
    out: int
    size: int
    stride: int
    low: int

    def results(self, tap: int) -> tuple[int, int]:
        """The results for which `tap` of the window is an operand that exists."""
        first = max(0, -(-(self.low - tap) // self.stride))
        last = min(self.out, (self.count - 1 + self.low - tap) // self.stride + 1)
        return first, max(first, last)

    @property
    def full(self) -> list[int]:
        """The taps that exist for every result."""
        return [t for t in range(self.size) if self.results(t) == (0, self.out)]

    @property
    def partial(self) -> list[int]:
        """The taps that exist for some results only."""
        return [t for t in range(self.size) if t not in self.full and self.results(t)[0] < self.results(t)[1]]

    def operands(self, tap: int, first: str, last: str, base: str = "0") -> str:
        """The range of the operands that are `tap` of the windows `first` to `last`, counted from operand `base` on."""
        offset = tap - self.low
        start = affine(self.stride, first, offset)
        fixed = last.isdigit()
        stop = (
            str(self.stride * (int(last) - 1) + offset + 1)
            if fixed
            else affine(self.stride, last, offset + 1 - self.stride)
        )
        return f"{minus(start, base)}:{minus(stop, base)}" + (f":{self.stride}" if self.stride > 1 else "")

    def divisor(self, k: int) -> int:
        """The positions of window k that count for an average."""
        start = k * self.stride - self.low
        return min(start + self.size, self.count + self.low) - start


def slides(pool: Node) -> list[Slide]:
    """The windows of a pool along its axes, in memory order; also those of the pool that a gradient belongs to."""
    x, a = pool.inputs[0], pool.attrs
    image, out = (x, pool) if pool.op.name in ("pool", "pool_tap") else (pool, x)
    order = pool.type.axes_in_memory
    found = (
        Slide(order.index(axis), image.shape[axis], out.shape[axis], size, stride, low)
        for axis, size, stride, (low, _) in zip(a["axes"], a["size"], a["stride"], a["pad"], strict=True)
    )
    return sorted(found, key=lambda s: s.position)


def minus(text: str, base: str) -> str:
    """`text - base`, worked out where both are numbers."""
    if base == "0":
        return text
    return str(int(text) - int(base)) if text.lstrip("-").isdigit() and base.isdigit() else f"{text} - {base}"
