"""The walk over a kernel's nodes that every frame shares: loads, one line a node, stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tcaffe.codegen.triton.arrangement import arrange
from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.indexing import indexed
from tcaffe.codegen.triton.spelling import DTYPES, REDUCTIONS, number, pointwise
from tcaffe.codegen.triton.tiles import Tile, added, both
from tcaffe.codegen.triton.unpooling import unpooled
from tcaffe.codegen.triton.window import window
from tcaffe.ir.node import Node
from tcaffe.ir.slots import FREE


class Walk:
    """Writes the values of a kernel at the positions of `tile`, whose keys are the axes of the kernel's full shape.

    A value of fewer axes than `rank` has those in `kept`: it was reduced along the others. `values` holds the
    variable of every value that has been written.
    """

    def __init__(self, f: Function, tile: Tile, rank: int, kept: Sequence[int] = ()) -> None:
        self.f, self.tile, self.rank, self.kept = f, tile, rank, kept
        self.values: dict[Node, str] = {}
        self._loaded: dict[tuple[Node, tuple[int, ...]], str] = {}

    def run(self, targets: Iterable[Node]) -> None:
        """Write the lines that compute `targets` and what they depend on at this tile."""
        wanted = set(targets)
        for node in reversed(self.f.kernel.nodes):
            if node in wanted and node not in self.values and node.op.family != "window":  # windows look elsewhere
                wanted.update(node.inputs)
        for node in self._in_order():
            if node in wanted and node.op.name not in FREE and node not in self.values:
                self.values[node] = self.f.let(node.name, self._expression(node))

    def _in_order(self) -> list[Node]:
        """The kernel's nodes; a tap finds what its pool takes on the way, so it goes first."""
        return sorted(self.f.kernel.nodes, key=lambda node: node.op.name != "pool_tap")

    def read(self, value: Node, tile: Tile) -> str:
        """Write what `value`, of the full shape, depends on, but at other positions; how the code spells it there."""
        there = Walk(self.f, tile, len(value.shape), self.kept)
        there.run([value])
        return there.operand(value)

    def operand(self, value: Node) -> str:
        """How the code spells a value at this tile; it is loaded where it has to be."""
        if value in self.values:
            return self.values[value]
        axes = self._axes(value)
        base = value
        while base.op.name == "broadcast":
            axes = [axes[a] for a in base.attrs["axes"]]
            base = base.inputs[0]
        if base in self.values:
            return self.values[base]
        if base.op.name == "const":
            return number(base.attrs["value"], base.type.dtype)
        if base.op.name == "iota":
            return self._steps(base, axes[base.attrs["axis"]])
        return self._load(base, axes)

    def _store(self, value: Node) -> None:
        """Write the line that stores a value in its place."""
        strides = self._strides(value, self._axes(value))
        tile = self.tile
        if len(value.shape) < self.rank:  # a reduced value has no columns
            tile = Tile(tuple(r for r in tile.runs if r.scalar or any(k in self.kept for k, _ in r.axes) or not r.axes))
        target = f"{self.f.pointers[value]} + {tile.whole_offset(strides)}"
        mask = f", mask={tile.inside}" if tile.inside else ""
        self.f.body.line(f"tl.store({target}, {self.operand(value)}{mask})")

    def finish(self, outputs: Sequence[Node] | None = None) -> None:
        """Write what is still to be computed, and the stores of all results, or of these."""
        outputs = self.f.kernel.outputs if outputs is None else outputs
        parts = [v for v in outputs if self._is_part(v)]
        self.run([v.inputs[0] if v in parts else v for v in outputs])
        if self.f.runs_over_own_operand() and self.f.kernel.anchor is not None:
            self.f.body.line("tl.debug_barrier()  # a result lies over an operand: everything is read by now")
        for value in outputs:
            if value in parts:
                self._store_part(value)
            else:
                self._store(value)

    def _is_part(self, value: Node) -> bool:
        """Whether a result is some channels of a value that the kernel computes."""
        return value.op.name == "slice" and value.inputs[0] in self.f.kernel.nodes

    def _store_part(self, part: Node) -> None:
        """Write the store of some channels of a value that has been computed."""
        begin, end = part.attrs["begin"][1], part.attrs["end"][1]
        channel = self.tile.coordinate(1)
        at = self.f.let("part", added([channel], -begin))
        there = self.tile.shifted({1: at}, both(f"{at} >= 0" if begin else "", f"{at} < {end - begin}"))
        strides = self._strides(part, self._axes(part))
        target = f"{self.f.pointers[part]} + {there.whole_offset(strides)}"
        self.f.body.line(f"tl.store({target}, {self.operand(part.inputs[0])}, mask={there.inside})")

    def _expression(self, node: Node) -> str:
        if node.op.family == "index":
            return indexed(self.f, node, self.tile, self.read)
        if node.op.family == "shape":
            return arrange(self.f, node, self.tile, self.read)
        if node in self.f.found:
            return self.f.found[node]
        if node.op.name in ("pool_dx", "unpool"):
            return unpooled(self.f, node, self.tile, self.read)
        if node.op.family == "window":
            return window(self.f, node, self.tile, self.read)
        if node.op.family == "reduce":
            return self._reduction(node)
        return pointwise(node, [self.operand(i) for i in node.inputs])

    def _reduction(self, node: Node) -> str:
        spelling, neutral = REDUCTIONS[node.op.name]
        value = self.operand(node.inputs[0])
        return spelling.format(f"tl.where({self.tile.inside}, {value}, {neutral})")

    def _load(self, value: Node, axes: list[int]) -> str:
        known = (value, tuple(axes))
        if known not in self._loaded:
            strides = self._strides(value, axes)
            offset, mask = self.tile.offset(strides), self.tile.mask(strides)
            place = self.f.pointers[value] + (f" + {offset}" if offset != "0" else "")
            self._loaded[known] = self.f.let(value.name, f"tl.load({place}{f', mask={mask}' if mask else ''})")
        return self._loaded[known]

    def _steps(self, value: Node, axis: int) -> str:
        """The coordinate along an axis, as a number of the element type."""
        text = self.tile.coordinate(axis)
        return number(int(text), value.type.dtype) if text.isdigit() else f"({text}).to({DTYPES[value.type.dtype]})"

    def _axes(self, value: Node) -> list[int]:
        """The axis of the full shape that each axis of `value` is."""
        return list(range(self.rank) if len(value.shape) == self.rank else self.kept)

    def _strides(self, value: Node, axes: Sequence[int]) -> dict[int | str, int]:
        return dict(zip(axes, self.f.strides(value), strict=True))
