"""Minimum cuts: the cheapest nodes of a network to take away so that nothing reaches its sink."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

ENDLESS = 1 << 62
SOURCE, SINK = 0, 1
Value = TypeVar("Value", bound=Hashable)


class Network:
    """A flow network with capacities on its edges, which are numbered in pairs: one and its reverse."""

    def __init__(self) -> None:
        self.edges: list[list[int]] = [[], []]  # of each node, the edges that leave it
        self.target: list[int] = []
        self.left: list[int] = []  # what may still flow along each edge

    def node(self) -> int:
        """A new node."""
        self.edges.append([])
        return len(self.edges) - 1

    def connect(self, start: int, end: int, capacity: int) -> None:
        """An edge from `start` to `end`."""
        for at, to, amount in ((start, end, capacity), (end, start, 0)):
            self.edges[at].append(len(self.target))
            self.target.append(to)
            self.left.append(amount)

    def saturate(self) -> None:
        """Push as much from source to sink as there is room for, along shortest ways first (Dinic 1970)."""
        while SINK in (level := self._levels()):
            following = [0] * len(self.edges)
            while self._push(level, following):
                pass

    def sinking(self) -> set[int]:
        """The nodes from which more could still reach the sink: behind the last of all minimum cuts."""
        found, queue = {SINK}, [SINK]
        while queue:
            for edge in self.edges[queue.pop()]:
                before = self.target[edge]
                if self.left[edge ^ 1] and before not in found:
                    found.add(before)
                    queue.append(before)
        return found

    def _levels(self) -> dict[int, int]:
        """How many edges with room lie between the source and each node that it reaches."""
        level, queue = {SOURCE: 0}, deque([SOURCE])
        while queue:
            at = queue.popleft()
            for edge in self.edges[at]:
                to = self.target[edge]
                if self.left[edge] and to not in level:
                    level[to] = level[at] + 1
                    queue.append(to)
        return level

    def _push(self, level: Mapping[int, int], following: list[int]) -> int:
        """Send flow along one path of rising levels; how much, 0 if there is none left."""
        path: list[int] = []
        at = SOURCE
        while at != SINK:
            edges = self.edges[at]
            while following[at] < len(edges):
                edge = edges[following[at]]
                if self.left[edge] and level.get(self.target[edge]) == level[at] + 1:
                    path.append(edge)
                    at = self.target[edge]
                    break
                following[at] += 1
            else:
                if not path:
                    return 0
                at = self.target[path.pop() ^ 1]
                following[at] += 1
        amount = min(self.left[edge] for edge in path)
        for edge in path:
            self.left[edge] -= amount
            self.left[edge ^ 1] += amount
        return amount


def cheapest_cut(
    costs: Mapping[Value, int], operands: Mapping[Value, Iterable[Value]], needed: Iterable[Value]
) -> set[Value]:
    """The values to keep, at the least cost in all, so that all that are `needed` can be computed from them.

    `operands` tells what a value can be computed from; one that has no operands can only be kept. Where two choices
    cost the same, what is kept is computed late: near to what is needed.
    """
    network = Network()
    ends: dict[Value, tuple[int, int]] = {}
    for value, cost in costs.items():
        ends[value] = network.node(), network.node()
        network.connect(*ends[value], cost)
    for value in costs:
        for operand in operands[value]:
            network.connect(ends[operand][1], ends[value][0], ENDLESS)
        if not operands[value]:
            network.connect(SOURCE, ends[value][0], ENDLESS)
    for value in needed:
        network.connect(ends[value][1], SINK, ENDLESS)
    network.saturate()
    sinking = network.sinking()
    return {value for value, (start, end) in ends.items() if start not in sinking and end in sinking}
