"""Windows: a reduction over the positions of a window, one tap after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.spelling import DTYPES
from tcaffe.codegen.triton.tiles import Key, Tile, added, axis_name, both
from tcaffe.ir.node import Node
from tcaffe.ir.ops.window import LOWEST

Read = Callable[[Node, Tile], str]
"""Writes what a value depends on at the positions of a tile, and tells how the code spells it there."""
MAX_UNROLLED = 9
"""Taps that are written out by the compiler: more of them spill registers."""


@dataclass(frozen=True)
class Slide:
    """How a window slides along one axis: `out` positions `stride` apart over `count` elements, the first at -low."""

    name: str
    axis: int
    count: int
    out: int
    size: int
    stride: int
    low: int

    @property
    def last(self) -> int:
        """Where the last window begins."""
        return (self.out - 1) * self.stride - self.low

    def exists(self, at: str) -> str:
        """The condition that coordinate `at` of some window exists; empty where none lies outside."""
        before = f"{at} >= 0" if self.low else ""
        after = f"{at} < {self.count}" if self.last + self.size > self.count else ""
        return both(before, after)

    def divisor(self, start: str) -> str:
        """How many positions of the window count for an average; a number where all windows are alike."""
        end = self.count + self.low
        if self.last + self.size <= end:
            return str(self.size)
        return f"(tl.minimum({start} + {self.size}, {end}) - {start})"


def window(f: Function, node: Node, tile: Tile, read: Read) -> str:
    """Write the loop over the taps of a `pool` at the positions of `tile`; the name of the result."""
    found = slides(node)
    starts = [
        f.let(
            f"{s.name}_start", tile.run_of(s.axis).window_start(s.axis, s.stride, s.low, checked=bool(s.exists("at")))
        )
        for s in found
    ]
    state = _state(f, node, tile)
    taps = math.prod(slide.size for slide in found)
    tap = f.fresh("tap")
    unrolled = "tl.static_range" if taps <= MAX_UNROLLED else "range"
    with f.body.block(f"for {tap} in {unrolled}({taps}):"):
        moved: dict[Key, str] = {}
        inner = taps
        for slide, start in zip(found, starts, strict=True):
            inner //= slide.size
            moved[slide.axis] = f.let(slide.name, _tap_at(start, tap, inner, slide.size, taps))
        near = both(*(slide.exists(moved[slide.axis]) for slide in found))
        near = f.let("near", near) if near else ""
        state.number = tap
        value = read(node.inputs[0], tile.shifted(moved, near))
        f.body.lines(*state.step(value, near, [moved[s.axis] for s in found]))
    return state.result(found, starts)


def slides(pool: Node) -> list[Slide]:
    """How the window of a pool slides, axis by axis."""
    attrs = pool.attrs
    return [
        Slide(axis_name(axis, len(pool.shape)), axis, pool.inputs[0].shape[axis], pool.shape[axis], size, stride, low)
        for axis, size, stride, (low, _) in zip(
            attrs["axes"], attrs["size"], attrs["stride"], attrs["pad"], strict=True
        )
    ]


def _tap_at(start: str, tap: str, inner: int, size: int, taps: int) -> str:
    """Where tap number `tap` lies along an axis of `size` taps, of which each has `inner` of the axes after it."""
    if size == 1:
        return start
    step = f"{tap} // {inner}" if inner > 1 else tap
    return added([start, step if inner * size == taps else f"{step} % {size}"], 0)


class Largest:
    """The state of a `max`: the largest so far."""

    first = str(LOWEST)
    number = ""
    """The variable that numbers the taps."""

    def __init__(self, f: Function, node: Node, tile: Tile) -> None:
        self.f, self.node = f, node
        self.dtype = DTYPES[node.inputs[0].type.dtype]
        self.best = f.let(node.name, f"tl.full({tile.shape}, {self.first}, {self.dtype})")

    def step(self, value: str, near: str, at: list[str]) -> list[str]:
        """The lines that take one tap in; `near` tells where it exists."""
        larger = f"tl.maximum({self.best}, {value}, propagate_nan=tl.PropagateNan.ALL)"
        return [f"{self.best} = " + (f"tl.where({near}, {larger}, {self.best})" if near else larger)]

    def result(self, found: list[Slide], starts: list[str]) -> str:
        """The name of the result, after the loop."""
        return self.best


class Sum(Largest):
    """The state of a `sum`: the sum so far."""

    first = "0.0"

    def step(self, value: str, near: str, at: list[str]) -> list[str]:
        """The lines that take one tap in."""
        return [f"{self.best} += " + (f"tl.where({near}, {value}, 0.0)" if near else value)]


class Average(Sum):
    """The state of an `average`: the sum so far, and in the end what it is divided by."""

    def result(self, found: list[Slide], starts: list[str]) -> str:
        """The quotient."""
        return self.f.let(self.node.name, divided(self.best, found, starts, self.dtype))


class First(Largest):
    """The state of an `argmax`: the largest so far, and the row-major index of the first one."""

    first = '-float("inf")'

    def __init__(self, f: Function, node: Node, tile: Tile) -> None:
        super().__init__(f, node, tile)
        self.index = f.let(f"{node.name}_index", f"tl.full({tile.shape}, 0, tl.int32)")

    def step(self, value: str, near: str, at: list[str]) -> list[str]:
        """The lines that take one tap in."""
        better = self.f.let("better", both(near, f"{value} > {self.best}"))
        place = at[0]
        for slide, coordinate in zip(slides(self.node)[1:], at[1:], strict=True):
            place = f"({place}) * {slide.count} + {coordinate}"
        return [
            f"{self.index} = tl.where({better}, {place}, {self.index})",
            f"{self.best} = tl.where({better}, {value}, {self.best})",
        ]

    def result(self, found: list[Slide], starts: list[str]) -> str:
        """The index as the element type."""
        return self.f.let(self.node.name, f"{self.index}.to({self.dtype})")


class Place(Largest):
    """The state of a `pool_tap`: the largest so far, and the number of its tap. Not-a-number is larger than any.

    Where the kernel wants the largest too, as the `pool` beside it, it is found on the way.
    """

    def __init__(self, f: Function, node: Node, tile: Tile) -> None:
        super().__init__(f, node, tile)
        self.tap = f.let("place", f"tl.full({tile.shape}, -1, tl.int32)")
        self.pools = [n for n in f.kernel.nodes if n.op.name == "pool" and n is not node]

    def step(self, value: str, near: str, at: list[str]) -> list[str]:
        """The lines that take one tap in."""
        above = f"({value} > {self.best}) | ({value} != {value}) & ({self.best} == {self.best}) | ({self.tap} < 0)"
        better = self.f.let("better", f"{near} & ({above})" if near else above)
        return [
            f"{self.tap} = tl.where({better}, {self.number}, {self.tap})",
            f"{self.best} = tl.where({better}, {value}, {self.best})",
        ]

    def result(self, found: list[Slide], starts: list[str]) -> str:
        """The number as the element type, 0 where the window sees nothing."""
        self.f.found |= dict.fromkeys(self.pools, self.best)
        return self.f.let(self.node.name, f"tl.maximum({self.tap}, 0).to({DTYPES[self.node.type.dtype]})")


def divided(total: str, found: list[Slide], starts: list[str], dtype: str) -> str:
    """A sum over the windows that begin at `starts`, divided by how many positions count for each."""
    divisors = [slide.divisor(start) for slide, start in zip(found, starts, strict=True)]
    fixed = math.prod(int(d) for d in divisors if d.isdigit())
    varying = [d for d in divisors if not d.isdigit()]
    count = " * ".join([*varying, *([str(fixed)] if fixed != 1 else [])])
    return f"{total} / " + (f"({count}).to({dtype})" if varying else f"{float(fixed)!r}")


def _state(f: Function, node: Node, tile: Tile) -> Largest:
    """The state of a window operation."""
    return Place(f, node, tile) if node.op.name == "pool_tap" else STATES[node.attrs["kind"]](f, node, tile)


STATES: dict[str, type[Largest]] = {"max": Largest, "sum": Sum, "average": Average, "argmax": First}
