"""Slots: where the values of a region lie while one block of it is computed.

The pass that plans scratch memory and the code that uses it must agree on them, so both ask here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.types import TensorType

FREE = ("broadcast", "iota", "const")
MANY = 1 << 8
"""Elements for one result from which a reduction along outer axes goes block by block."""
STAGED_POWERS = (-3.0, -1.5, -0.75, 0.75, 1.5, 3.0)
"""Exponents that are reached through roots and products with one value in between."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A block-sized temporary; a `reduced` one holds a single number along the axes that the region reduces."""

    name: str
    dtype: str
    reduced: bool = False


@dataclass
class Slots:
    """The slots of a region: which one each value lies in, and which one an operation needs besides its result.

    A value without a slot is written straight to where it is stored. `late` values are computed in a slot and copied
    there at the end, because what they read may lie in the same place.
    """

    of: dict[Node, Slot] = field(default_factory=dict)
    spare: dict[Node, Slot] = field(default_factory=dict)
    late: set[Node] = field(default_factory=set)
    all: list[Slot] = field(default_factory=list)


def assign_slots(
    nodes: Sequence[Node], outputs: Iterable[Node], *, home: Node | None = None, copied: bool = False
) -> Slots:
    """Slots for a region: `nodes` in order, of which `outputs` are stored.

    A value takes over the slot of an operand that it alone still needs, where the operation can work in place.
    `home` is a value that others computed already; it lies in the first slot. `copied` makes every output late.
    """
    return _Scan(nodes, frozenset(outputs), copied).run(home)


def reads(node: Node) -> list[Node]:
    """What `node` reads, seen through broadcasts."""
    found: list[Node] = []
    for value in node.inputs:
        if value.op.name == "broadcast":
            found += reads(value)
        elif value.op.name not in FREE:
            found.append(value)
    return found


def exponent(node: Node) -> float | None:
    """The constant y of pow(x, y), if it is one."""
    if node.op.name == "pow" and node.inputs[1].op.name == "const":
        value = node.inputs[1].attrs["value"]
        return None if isinstance(value, tuple) else float(value)
    return None


def clamps(kernel: Kernel) -> tuple[tuple[float, str], ...]:
    """The numbers (value, dtype) that maximum and minimum compare with, which are held as rows of memory."""
    found: dict[tuple[float, str], None] = {}
    for node in kernel.nodes:
        if node.op.name in ("maximum", "minimum"):
            for value in node.inputs:
                if value.op.name == "const" and not isinstance(value.attrs["value"], tuple):
                    found[float(value.attrs["value"]), value.type.dtype] = None
    return tuple(found)


def vectors(kernel: Kernel) -> tuple[Node, ...]:
    """What pointwise nodes read of other kernels' results, repeated along all axes but the innermost."""
    inside = set(kernel.nodes)
    found: dict[Node, None] = {}
    for node in kernel.nodes:
        if node.op.family == "pointwise":
            for value in node.inputs:
                base, axes = spread_from(value)
                if base is not value and base not in inside and axes == node.type.axes_in_memory[-1:]:
                    found[base] = None
    return tuple(found)


def spread_from(value: Node) -> tuple[Node, tuple[int, ...]]:
    """What broadcasts repeat in `value`, and at which axes of it the axes of that stand."""
    axes = tuple(range(len(value.shape)))
    while value.op.name == "broadcast":
        axes = tuple(axes[a] for a in value.attrs["axes"])
        value = value.inputs[0]
    return value, axes


def reduced_axes(nodes: Iterable[Node]) -> tuple[int, ...]:
    """The axes that the reductions among `nodes` remove."""
    return next((n.attrs["axes"] for n in nodes if n.op.family == "reduce"), ())


def accumulates(reduction: Node) -> bool:
    """Whether a reduction leaves nothing or the innermost axis alone, of so much that no block holds all of it.

    Its blocks are reduced one after the other, so that nothing in the same kernel can read the result.
    """
    kind, axes = reduction.inputs[0].type, reduction.attrs["axes"]
    outer = len(axes) >= kind.rank - 1 and set(kind.axes_in_memory[:-1]) <= set(axes)
    return outer and math.prod(kind.shape[a] for a in axes) > MANY


def margin(nodes: Iterable[Node]) -> int:
    """By how much slots are longer than their innermost axis: room for zeros that sums sliding along it run into."""
    windows = [n for n in nodes if n.op.name == "pool"]
    sums = all(n.attrs["kind"] == "sum" and n.type.axes_in_memory[-1:] == n.attrs["axes"] for n in windows)
    return max((max(pad) for n in windows for pad in n.attrs["pad"]), default=0) if sums else 0


def domain(nodes: Iterable[Node]) -> TensorType:
    """The full shape that a region is about, and its order in memory."""
    first = next(n for n in nodes if n.op.name not in FREE)
    return first.inputs[0].type if first.op.family == "reduce" else first.type


def chain_slots(kernel: Kernel, *, copied: bool) -> Slots:
    """The slots of the chain behind the anchor."""
    nodes = chain_nodes(kernel)
    return assign_slots(nodes, [v for v in kernel.outputs if v in nodes], home=kernel.anchor, copied=copied)


def chain_nodes(kernel: Kernel) -> tuple[Node, ...]:
    """The anchor and the pointwise nodes behind it, without what is cut or pooled from their result."""
    anchor = kernel.anchor
    assert anchor is not None
    start = kernel.nodes.index(anchor)
    rest = kernel.nodes[start + 1 :]
    end = next((k for k, n in enumerate(rest) if n.op.name in ("pool", "pool_tap", "slice")), len(rest))
    return (*kernel.nodes[:start], anchor, *rest[:end])


class _Scan:
    """One walk over a region, handing out slots and taking them back after the last use."""

    def __init__(self, nodes: Sequence[Node], outputs: frozenset[Node], copied: bool) -> None:
        self.copied = copied
        self.nodes = [n for n in nodes if n.op.name not in FREE]
        self.outputs = outputs
        self.inside = set(self.nodes)
        self.last = {value: k for k, node in enumerate(self.nodes) for value in reads(node)}
        self.idle: list[Slot] = []
        self.slots = Slots()

    def run(self, home: Node | None) -> Slots:
        if home is not None:
            self.slots.of[home] = self._take(home.type.dtype, False)
        for k, node in enumerate(self.nodes):
            if node is not home:
                self._place(node, k)
            for value in dict.fromkeys((*reads(node), node)):
                if self.last.get(value, k) <= k and value in self.slots.of:
                    self.idle.append(self.slots.of[value])
        return self.slots

    def _place(self, node: Node, k: int) -> None:
        kind = (node.type.dtype, self._is_reduced(node))
        dying = {v: self.slots.of[v] for v in reads(node) if v in self.slots.of and self.last[v] == k}
        if node in self.outputs and not self.copied and not self._may_tread_on_itself(node):
            self._add_spare(node)
            return
        if node in self.outputs:
            self.slots.late.add(node)
        reusable = [s for v, s in dying.items() if (s.dtype, s.reduced) == kind and self._in_place(node, v)]
        slot = reusable[0] if reusable else self._take(*kind)
        if reusable:
            for value in dying:
                if self.slots.of[value] is slot:
                    self.last[value] = len(self.nodes)  # the slot changes hands, it does not become idle
        self.slots.of[node] = slot
        self._add_spare(node)

    def _add_spare(self, node: Node) -> None:
        if exponent(node) in STAGED_POWERS:
            spare = self._take(node.type.dtype, self._is_reduced(node))
            self.slots.spare[node] = spare
            self.idle.append(spare)

    def _in_place(self, node: Node, operand: Node) -> bool:
        """Whether the result may be written over `operand` while it is computed."""
        if node.op.name == "select":
            return operand is node.inputs[1] and operand not in (node.inputs[0], node.inputs[2])
        return node.op.family == "pointwise"

    def _may_tread_on_itself(self, node: Node) -> bool:
        """Whether an operation of several steps reads again what may lie where the first one wrote."""
        if node.op.name != "select":
            return False
        condition, _, y = node.inputs
        again = (condition, y) if node.type.dtype == "bool" else (y,)
        return any(v not in self.inside and v.op.name not in FREE for v in again)

    def _is_reduced(self, node: Node) -> bool:
        axes = reduced_axes(self.nodes)
        return bool(axes) and (node.op.family == "reduce" or len(node.shape) < self._full_rank())

    def _full_rank(self) -> int:
        first = next(n for n in self.nodes if n.op.family == "reduce")
        return len(first.inputs[0].shape)

    def _take(self, dtype: str, reduced: bool) -> Slot:
        for slot in self.idle:
            if (slot.dtype, slot.reduced) == (dtype, reduced):
                self.idle.remove(slot)
                return slot
        slot = Slot(f"t{len(self.slots.all)}", dtype, reduced)
        self.slots.all.append(slot)
        return slot
