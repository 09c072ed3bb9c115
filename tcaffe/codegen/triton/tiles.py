"""Tiles: the part of a kernel's result that one program computes, and how emitted code addresses it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Key = int | str
Strides = Mapping[Key, int]


@dataclass(frozen=True)
class Run:
    """One dimension of a tile: the variable `name` holds numbers that count positions along `axes`, row-major.

    An axis is a key and a size; the outermost comes first. `inside` is a condition that holds for the numbers of
    positions that exist, empty where all do. A `scalar` is a single number, the rest are blocks of them.
    """

    name: str
    axes: tuple[tuple[Key, int], ...]
    inside: str = ""
    scalar: bool = False

    @property
    def count(self) -> int:
        """How many positions there are."""
        return math.prod(n for _, n in self.axes)

    def coordinate(self, key: Key) -> str:
        """The coordinate along one axis, as source."""
        at = [k for k, _ in self.axes].index(key)
        return self._digit(self.axes[at][1], math.prod(n for _, n in self.axes[at + 1 :]))

    def window_start(self, key: Key, stride: int, low: int, *, checked: bool) -> str:
        """Where a window that slides along an axis begins, as source: a block of numbers if it is `checked`."""
        at = self.coordinate(key)
        return added([scaled(f"{self.name} * 0" if checked and at == "0" else at, stride)], -low)

    def _digit(self, size: int, inner: int) -> str:
        """The number divided by `inner`, modulo `size`, as short as it can be written."""
        if size == 1:
            return "0"
        outer = f"{self.name} // {inner}" if inner > 1 else self.name
        return outer if inner * size == self.count else f"{outer} % {size}"

    def terms(self, strides: Strides) -> list[str]:
        """Summands of the distance in elements from the first position; neighbouring axes that lie evenly are one."""
        groups: list[tuple[int, int]] = []  # of (size, stride), outermost first
        for key, size in self.axes:
            stride = strides.get(key, 0)
            if size == 1:
                continue
            if groups and groups[-1][1] == size * stride:
                groups[-1] = (groups[-1][0] * size, stride)
            else:
                groups.append((size, stride))
        inner = [math.prod(n for n, _ in groups[k + 1 :]) for k in range(len(groups))]
        return [scaled(self._digit(n, i), s) for (n, s), i in zip(groups, inner, strict=True) if s]


@dataclass(frozen=True)
class Tile:
    """A block of positions: the product of its runs. `sizes` name its sizes, one for each run that is no scalar.

    `moved` are axes that are read at another coordinate than the tile's own, each held by a variable; `near` is the
    condition under which these exist.
    """

    runs: tuple[Run, ...]
    sizes: tuple[str, ...] = ()
    moved: Mapping[Key, str] = field(default_factory=dict)
    near: str = ""

    @property
    def shape(self) -> str:
        """The shape of the block, as source."""
        return f"[{', '.join(self.sizes)}]"

    def coordinate(self, key: Key) -> str:
        """The coordinate along one axis, as source."""
        if key in self.moved:
            return self.moved[key]
        return self.run_of(key).coordinate(key)

    def run_of(self, key: Key) -> Run:
        """The run that counts along an axis."""
        return next(run for run in self.runs if key in dict(run.axes))

    def shifted(self, moved: Mapping[Key, str], near: str) -> Tile:
        """The tile with some axes at other coordinates."""
        return replace(self, moved={**self.moved, **moved}, near=both(self.near, near))

    def rekeyed(self, keys: Mapping[Key, Key]) -> Tile:
        """The same positions seen by a value that has other axes: each key becomes `keys[key]`."""
        runs = tuple(replace(run, axes=tuple((keys[k], n) for k, n in run.axes)) for run in self.runs)
        return replace(self, runs=runs)

    def offset(self, strides: Strides, base: int = 0) -> str:
        """Where the elements of a value with `strides` lie, in elements from `base`; "0" for a single number."""
        kept = {key: step for key, step in strides.items() if key not in self.moved}
        terms = [term for run in self.runs for term in run.terms(kept)]
        terms += [scaled(name, strides[key]) for key, name in self.moved.items() if strides.get(key)]
        return added(terms, base)

    def mask(self, strides: Strides) -> str:
        """Which of these elements exist; empty where all do."""
        kept = {key: step for key, step in strides.items() if key not in self.moved}
        conditions = [run.inside for run in self.runs if run.terms(kept)]
        if any(strides.get(key) for key in self.moved):
            conditions += [run.inside for run in self.runs if self._moves(run)] + [self.near]
        return both(*dict.fromkeys(conditions))

    def whole_offset(self, strides: Strides, base: int = 0) -> str:
        """The same as `offset`, as a block of the tile's full shape, also along runs of a single position."""
        alone = [run.name for run in self.runs if not run.scalar and run.count == 1]
        return added([self.offset(strides), *alone], base)

    @property
    def inside(self) -> str:
        """Which positions of the tile exist."""
        return both(*(run.inside for run in self.runs), self.near)

    def _moves(self, run: Run) -> bool:
        return any(key in self.moved for key, _ in run.axes)


def axis_name(axis: int, rank: int) -> str:
    """What an axis of an image of `rank` axes is called in emitted code."""
    if axis < 2:
        return ("item", "channel")[axis]
    return {rank - 1: "x", rank - 2: "y", rank - 3: "z"}.get(axis, "at")


def scaled(text: str, factor: int) -> str:
    """`text * factor`, as short as it can be written; `text` holds no sum."""
    return text if factor == 1 or text == "0" else f"{text} * {factor}"


def added(terms: list[str], number: int) -> str:
    """The sum of texts and a number, as short as it can be written."""
    total = " + ".join(term for term in terms if term != "0")
    if not total:
        return str(number)
    return f"{total} {'+' if number > 0 else '-'} {abs(number)}" if number else total


def both(*conditions: str) -> str:
    """The condition that all of `conditions` hold; empty ones always do."""
    parts = [c for c in conditions if c]
    return parts[0] if len(parts) == 1 else " & ".join(_grouped(c) for c in parts)


def _grouped(condition: str) -> str:
    """A comparison in parentheses, a name or a conjunction as it is."""
    return f"({condition})" if any(sign in condition for sign in "<>=") and " & " not in condition else condition
