"""Blocks: the part of a kernel's result that one task computes, and how emitted code addresses it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tcaffe.codegen.numpy.function import Function, Order
from tcaffe.ir.node import Node

NUMBERS = "nrcdefgh"


@dataclass(frozen=True)
class Axis:
    """One axis of the block: all of it (`where` is ":"), or the range `start` to `stop` held by the slice `where`.

    A block has `size` along it, or less where it is not `even`.
    """

    size: int
    where: str = ":"
    start: str = "0"
    stop: str = ""
    even: bool = True

    @property
    def whole(self) -> bool:
        """Whether the block spans the axis."""
        return self.where == ":"

    @property
    def length(self) -> str:
        """How many there are in this block, as source."""
        return str(self.size) if self.even else f"{self.stop} - {self.start}"

    @property
    def trim(self) -> str:
        """What cuts a block-sized temporary to this block."""
        return ":" if self.even else f":{self.length}"


@dataclass(frozen=True)
class Block:
    """The block of a task: one Axis per axis of the result, in the `order` in which they lie in memory."""

    order: Order
    axes: tuple[Axis, ...]

    def index(self, present: Collection[int] | None = None) -> str:
        """The subscript that takes the block out of a value, which has only the axes at the positions `present`."""
        return subscript([a.where if present is None or k in present else ":" for k, a in enumerate(self.axes)])

    @property
    def positions(self) -> str:
        """How many elements the block has but for its last axis, as source."""
        return product(a.length for a in self.axes[:-1])


@dataclass(frozen=True)
class Share:
    """What a task that sums over blocks is busy with: `number` tells its sum from those of others, `later` is a
    condition that holds but for its first block (empty where it has one only).
    """

    number: str
    later: str
    block: Block


def product(lengths: object) -> str:
    """The product of source texts, its numbers multiplied out."""
    texts = list(lengths)  # type: ignore[call-overload]
    fixed = math.prod(int(t) for t in texts if t.isdigit())
    rest = [f"({t})" for t in texts if not t.isdigit()]
    return " * ".join([*rest, *([str(fixed)] if fixed != 1 or not rest else [])])


def affine(scale: int, variable: str, offset: int) -> str:
    """`scale * variable + offset`, as short as it can be written."""
    if variable.lstrip("-").isdigit():
        return str(scale * int(variable) + offset)
    scaled = variable if scale == 1 else f"{scale} * {variable}"
    return scaled if offset == 0 else f"{scaled} {'+' if offset > 0 else '-'} {abs(offset)}"


def subscript(parts: Sequence[str]) -> str:
    """`[a, :, b]`, without trailing colons; empty when nothing is cut."""
    parts = list(parts)
    while parts and parts[-1] == ":":
        parts.pop()
    return f"[{', '.join(parts)}]" if parts else ""


def axis_names(rank: int) -> list[str]:
    """What the axes of a value of `rank` are called in emitted code, in memory order."""
    if rank < 3:
        return ["items", "channels"][:rank]
    middle = ["rows", "columns", "depths", *(f"axis{k}" for k in range(rank))]
    return ["images", *middle[: rank - 2], "channels"]


def begin_tasks(f: Function, order: Order, shape: Sequence[int], tile: Sequence[int]) -> Block:
    """Write the lines that find the block of task `i`; `shape` and `tile` are in memory order."""
    f.tasks = str(math.prod(_counts(shape, tile)))
    return find_block(f, order, shape, tile, "i")


@contextmanager
def begin_shares(f: Function, order: Order, shape: Sequence[int], tile: Sequence[int], shares: int) -> Iterator[Share]:
    """Write the loop of task `i` over its share of all blocks, which are the same ones however fast who works."""
    total = math.prod(_counts(shape, tile))
    f.tasks = str(shares)
    if shares == 1:
        with all_blocks(f, order, shape, tile) as share:
            yield share
    elif total == shares:
        yield Share("i", "", find_block(f, order, shape, tile, "i"))
    else:
        number, first = f.fresh("k"), f.fresh("first")
        f.body.line(f"{first} = {total} * i // {shares}")
        with f.body.block(f"for {number} in range({first}, {total} * (i + 1) // {shares}):"):
            yield Share("i", f"{number} > {first}", find_block(f, order, shape, tile, number))


@contextmanager
def all_blocks(f: Function, order: Order, shape: Sequence[int], tile: Sequence[int]) -> Iterator[Share]:
    """Write the loop of a task over all blocks; every worker has a sum of its own."""
    total = math.prod(_counts(shape, tile))
    if total == 1:
        yield Share(f.worker, "", find_block(f, order, shape, tile, "0"))
        return
    number = f.fresh("k")
    with f.body.block(f"for {number} in range({total}):"):
        yield Share(f.worker, f"{number} > 0", find_block(f, order, shape, tile, number))


def find_block(f: Function, order: Order, shape: Sequence[int], tile: Sequence[int], number: str) -> Block:
    """Write the lines that find the block called `number`."""
    counts = _counts(shape, tile)
    split = [k for k, c in enumerate(counts) if c > 1]
    names = axis_names(len(shape))
    numbers = _numbers(f, split, counts, number)
    axes = (
        _range(f, names[k], numbers[k], n, t) if k in numbers else Axis(n)
        for k, (n, t) in enumerate(zip(shape, tile, strict=True))
    )
    return Block(order, tuple(axes))


def _counts(shape: Sequence[int], tile: Sequence[int]) -> list[int]:
    return [-(-n // t) for n, t in zip(shape, tile, strict=True)]


def _numbers(f: Function, split: list[int], counts: list[int], rest: str) -> dict[int, str]:
    """Write the lines that take `rest` apart into a number per split axis; their names."""
    found: dict[int, str] = {}
    for k, axis in enumerate(split[:-1]):
        number, inner = f.fresh(NUMBERS[min(axis, 7)]), math.prod(counts[a] for a in split[k + 1 :])
        left = f.fresh(NUMBERS[min(split[k + 1], 7)])
        f.body.line(f"{number}, {left} = divmod({rest}, {inner})")
        found[axis], rest = number, left
    return found | dict.fromkeys(split[-1:], rest)


def _range(f: Function, name: str, number: str, total: int, size: int) -> Axis:
    """Write the lines that find one range."""
    where, start, stop = f.fresh(name), f.fresh(f"{name}_from"), f.fresh(f"{name}_to")
    even = total % size == 0
    f.body.line(f"{start} = {affine(size, number, 0)}")
    f.body.line(f"{stop} = {start} + {size}" if even else f"{stop} = min({start} + {size}, {total})")
    f.body.line(f"{where} = slice({start}, {stop})")
    return Axis(size, where, start, stop, even)


def aligned(f: Function, base: Node | str, positions: Sequence[int], block: Block, *, full: bool = False) -> str:
    """The block of `base`, whose own axes stand at `positions` of the result, in a form that numpy repeats.

    `full` keeps leading axes of length 1, as a result needs them.
    """
    name = base if isinstance(base, str) else f.arguments[base]
    text, rank = name, len(block.axes)
    if list(positions) != sorted(positions):
        text = f"{text}.transpose({', '.join(str(list(positions).index(p)) for p in sorted(positions))})"
    if not positions and not full:
        return text
    kept = range(0 if full else min(positions), rank)
    shape = [":" if k in positions else "None" for k in kept]
    if "None" in shape or text != name:
        text = f.alias(f"{text}[{', '.join(shape)}]", f"{name}_all")
    return text + subscript([block.axes[k].where if k in positions else ":" for k in kept])
