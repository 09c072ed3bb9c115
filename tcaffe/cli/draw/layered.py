"""Layered drawing of a directed acyclic graph: rows from top to bottom, few crossings, straight lines.

The three steps of Sugiyama, Tagawa and Toda (1981): rows by longest path, order within rows by barycentres, places
within rows as near to the neighbours as the neighbours beside them allow. A line over several rows has a bend in each.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP_X, GAP_Y = 22.0, 34.0  # between boxes beside and above each other
BEND = 10.0  # the width of a line that passes between boxes
MAX_BENDS = 5_000  # lines whose bends would be too many are drawn straight through
ORDER_SWEEPS, PLACE_SWEEPS = 8, 16
STRAIGHTNESS = 6.0  # how much more it matters that a long line is straight than that a box is centred

Size = tuple[float, float]
Point = tuple[float, float]


@dataclass(slots=True, eq=False)
class Item:
    """A box, or a bend of a line, in its row; `x` is its middle."""

    width: float
    height: float
    row: int
    box: int | None = None
    x: float = 0.0
    above: list[Item] = field(default_factory=list)
    below: list[Item] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is: the middles of the boxes, the points each arrow passes, and the size of the whole.

    An arrow may begin where another one from the same box passes.
    """

    boxes: tuple[Point, ...]
    paths: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def arrange(sizes: Sequence[Size], arrows: Sequence[tuple[int, int]]) -> Layout:
    """Places for boxes of `sizes` and `arrows` between them; every arrow leads from a lower to a higher number."""
    rows_of = _rows(len(sizes), arrows)
    items = [Item(w, h, row, box) for box, ((w, h), row) in enumerate(zip(sizes, rows_of, strict=True))]
    chains = _bend(items, arrows)
    rows = _ordered(items)
    _place(rows)
    return _measured(rows, items, chains)


def _rows(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each box: below all it reads from; what reads nothing stands right above its first reader."""
    rows, first_reader, reads = [0] * count, [count] * count, [False] * count
    for source, target in sorted(arrows, key=lambda a: a[1]):
        rows[target] = max(rows[target], rows[source] + 1)
        reads[target] = True
    for source, target in arrows:
        first_reader[source] = min(first_reader[source], rows[target])
    return [r if reads[i] or first_reader[i] == count else max(0, first_reader[i] - 1) for i, r in enumerate(rows)]


def _bend(items: list[Item], arrows: Sequence[tuple[int, int]]) -> list[list[Item]]:
    """The items each arrow passes. Arrows from one box share a trunk of bends, which are added to `items`.

    What an earlier arrow has drawn of the trunk is not drawn again: a later one begins where that one left it.
    """
    left = MAX_BENDS
    trunks: dict[int, list[Item]] = {}
    chains: list[list[Item]] = [[] for _ in arrows]
    for k in sorted(range(len(arrows)), key=lambda k: items[arrows[k][1]].row):
        start, end = (items[box] for box in arrows[k])
        trunk = trunks.setdefault(arrows[k][0], [start])
        needed = end.row - start.row - len(trunk)
        if needed > left:
            chains[k] = [start, end]
            continue
        left -= needed
        drawn = len(trunk) - 1
        for _ in range(needed):
            bend = Item(BEND, 0.0, start.row + len(trunk))
            _link(trunk[-1], bend)
            trunk.append(bend)
            items.append(bend)
        chains[k] = [*trunk[drawn:], end]
        _link(trunk[-1], end)
    return chains


def _link(above: Item, below: Item) -> None:
    above.below.append(below)
    below.above.append(above)


def _ordered(items: Sequence[Item]) -> list[list[Item]]:
    """The rows, each in the order with the fewest crossings that a few sweeps find."""
    rows: list[list[Item]] = [[] for _ in range(1 + max((i.row for i in items), default=0))]
    for item in items:
        rows[item.row].append(item)
    best, fewest = [list(row) for row in rows], _crossings(rows)
    for sweep in range(ORDER_SWEEPS):
        if fewest == 0:
            break
        downward = sweep % 2 == 0
        for row in rows if downward else reversed(rows):
            _sort_by_neighbours(row, rows, downward)
        if (found := _crossings(rows)) < fewest:
            best, fewest = [list(row) for row in rows], found
    return best


def _sort_by_neighbours(row: list[Item], rows: list[list[Item]], downward: bool) -> None:
    at = row[0].row - 1 if downward else row[0].row + 1
    if not 0 <= at < len(rows):
        return
    position = {item: k for k, item in enumerate(rows[at])}
    own = {item: k for k, item in enumerate(row)}

    def centre(item: Item) -> float:
        near = [position[n] for n in (item.above if downward else item.below) if n in position]
        return sum(near) / len(near) if near else own[item]

    row.sort(key=centre)


def _crossings(rows: Sequence[Sequence[Item]]) -> int:
    """How many pairs of lines between neighbouring rows cross."""
    total = 0
    for upper, lower in pairwise(rows):
        position = {item: k for k, item in enumerate(lower)}
        seen: list[int] = []
        for item in upper:
            ends = sorted(position[b] for b in item.below if b in position)
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _place(rows: Sequence[list[Item]]) -> None:
    """Move every item towards its neighbours above, then below, in turn."""
    for row in rows:
        _settle(row, [0.0] * len(row))
    for sweep in range(PLACE_SWEEPS):
        downward = sweep % 2 == 0
        for row in rows if downward else reversed(rows):
            _settle(row, [_wanted(item, downward, last=sweep >= PLACE_SWEEPS - 6) for item in row])


def _wanted(item: Item, downward: bool, last: bool) -> float:
    """Where an item wants to be: between its neighbours on one side, in the end on both; a bend above other bends."""
    near = [*item.above, *item.below] if last else item.above if downward else item.below
    if item.box is None:
        near = [n for n in near if n.box is None] or near
    return sum(n.x for n in near) / len(near) if near else item.x


def _settle(row: list[Item], wanted: Sequence[float]) -> None:
    """Place a row's items in order, apart, with the least sum of squared distances from where they want to be.

    With the widths taken off, "in order and apart" means not decreasing: isotonic regression, by pooling neighbours
    that violate it (Ayer et al. 1955). What is alone in its row stands in the middle of the picture, so that modules
    in a chain do not drift to one side.
    """
    if len(row) == 1:
        row[0].x = 0.0
        return
    offsets, edge = [], 0.0
    for item in row:
        offsets.append(edge + item.width / 2)
        edge += item.width + GAP_X
    pools: list[list[float]] = []  # [sum of weighted places, sum of weights, number of items]
    for item, place, offset in zip(row, wanted, offsets, strict=True):
        weight = 1.0 if item.box is not None else STRAIGHTNESS
        pools.append([(place - offset) * weight, weight, 1])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            top = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], top, strict=True)]
    places = [total / weight for total, weight, number in pools for _ in range(int(number))]
    for item, place, offset in zip(row, places, offsets, strict=True):
        item.x = place + offset


def _measured(rows: Sequence[Sequence[Item]], items: Sequence[Item], chains: Sequence[Sequence[Item]]) -> Layout:
    """The layout in coordinates that begin at 0."""
    left = min((i.x - i.width / 2 for i in items), default=0.0) - GAP_X
    right = max((i.x + i.width / 2 for i in items), default=0.0) + GAP_X
    middles, heights, y = [], [], GAP_Y / 2
    for row in rows:
        height = max((i.height for i in row), default=0.0)
        middles.append(y + height / 2)
        heights.append(height)
        y += height + GAP_Y
    paths = tuple(tuple(_points(chain, left, middles, heights)) for chain in chains)
    boxes = tuple((i.x - left, middles[i.row]) for i in items if i.box is not None)
    return Layout(boxes, paths, right - left, y - GAP_Y / 2)


def _points(chain: Sequence[Item], left: float, middles: Sequence[float], heights: Sequence[float]) -> list[Point]:
    """From below the first item, down both ends of every bend, to the upper edge of the last."""
    first, *bends, last = chain
    half = (first.height if first.box is not None else heights[first.row]) / 2
    points = [(first.x - left, middles[first.row] + half)]
    for bend in bends:
        half = heights[bend.row] / 2
        points += [(bend.x - left, middles[bend.row] - half), (bend.x - left, middles[bend.row] + half)]
    return [*points, (last.x - left, middles[last.row] - last.height / 2)]
