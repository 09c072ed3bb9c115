"""Pointwise work on a block: the one walk over a region's nodes, used by every frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tcaffe.codegen.numpy.blocks import Block, aligned, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.spelling import REDUCTIONS, number, pointwise
from tcaffe.codegen.numpy.windows import window_in_place, window_in_runs
from tcaffe.ir.node import Node
from tcaffe.ir.slots import FREE, Slots, clamps, margin, reduced_axes, spread_from, vectors


class Walk:
    """Writes the nodes of a region, a block at a time. `texts` holds how the code spells each value of the block."""

    def __init__(self, f: Function, block: Block, slots: Slots, texts: Mapping[Node, str] | None = None) -> None:
        self.f, self.block, self.slots = f, block, slots
        self.texts: dict[Node, str] = dict(texts or {})
        self.axes = reduced_axes(f.kernel.nodes)
        self.kept = [a for a in range(len(block.order)) if a not in self.axes]
        self.clamps = {value: f"clamp{k}" for k, value in enumerate(clamps(f.kernel))}
        self.rows = {base: f"row{k}" for k, base in enumerate(vectors(f.kernel)) if f.has(f"row{k}")}
        self.margin = margin(f.kernel.nodes)
        self.places: dict[Node, str] = {}
        self._memory: dict[str, str] = {}
        for what in self.clamps.values():
            if f.has(what):
                value = next(v for v, w in self.clamps.items() if w == what)
                f.start.line(f"{f.memory(what)}.fill({number(*value)})")
        for base, what in self.rows.items():
            f.start.line(f"np.copyto({f.memory(what)}, {f.arguments[base]})")

    def run(self, nodes: Iterable[Node]) -> None:
        """Write the lines that compute `nodes`, which stand in order."""
        for node in nodes:
            if node.op.name not in FREE and node not in self.texts:
                self._compute(node)

    def slot(self, name: str, memory: str = "") -> str:
        """The variable of a slot, bound to its memory where it is first used."""
        if name not in self._memory:
            self._memory[name] = variable = self.f.fresh("t")
            place = memory or f"{self.f.memory(name)}{self._trim(name)}"
            self.f.body.line(f"{variable} = {place}")
        return self._memory[name]

    def _trim(self, name: str) -> str:
        shape = self.f.memory_type(name).shape[1:]
        cuts = [a.trim if n == a.size else ":" for n, a in zip(shape, self.block.axes, strict=True)]
        return subscript([self.f.worker, *(cuts or ["..."])])  # an array still, where it has no axes

    def _compute(self, node: Node) -> None:
        slot, spare = self.slots.of.get(node), self.slots.spare.get(node)
        out = self.slot(slot.name) if slot else self.stored(node)
        other = self.slot(spare.name) if spare else ""
        args = [self.operand(i, node) for i in node.inputs]
        if self.margin and not self._is_wide(node):
            out, other, *args = (self._inner(text) for text in (out, other, *args))
        if node.op.name == "pool":
            self._slide(node, args[0], out)
        elif node.op.family == "reduce":
            self.f.body.line(self.reduction(node, args[0], out))
        else:
            self.f.body.lines(*pointwise(node, args, out, other))
        self.texts[node] = self.slot(slot.name) if slot else out
        if node in self.slots.late:
            self.f.body.line(f"np.copyto({self.stored(node)}, {self._inner(self.texts[node])})")

    def _is_wide(self, node: Node) -> bool:
        """Whether a node works on slots alone: with their margins these are one long run."""
        return node in self.slots.of and all(v in self.slots.of or v.op.name == "const" for v in node.inputs)

    def _inner(self, text: str) -> str:
        """The values in a slot, without its margin."""
        if not self.margin or text not in self._memory.values():
            return text
        return text + subscript([":"] * (len(self.block.order) - 1) + [f":-{self.margin}"])

    def _slide(self, node: Node, source: str, out: str) -> None:
        """Sums of neighbours along one axis."""
        if self.margin and self._is_wide(node):
            self.f.body.lines(*window_in_runs(node, source, out, len(self.block.order), self.margin))
        else:
            self.f.body.lines(*window_in_place(node, source, out, self.block.order))

    def stored(self, node: Node) -> str:
        """The block of an output."""
        if node in self.places:
            return self.places[node]
        if self.is_reduced(node):
            return aligned(self.f, node, self._positions(range(len(node.shape)), node), self.block, full=True)
        return self.f.laid_out(node, self.block.order) + self.block.index()

    def is_reduced(self, node: Node) -> bool:
        """Whether `node` has one number along the reduced axes."""
        return bool(self.axes) and len(node.shape) < len(self.block.order)

    def operand(self, value: Node, user: Node) -> str:
        """How the code spells an operand of `user`, for this block."""
        if value in self.texts:
            return self.texts[value]
        if value.op.name == "const":
            return self._constant(value, user)
        if value.op.name in ("broadcast", "iota"):
            return self._spread(value)
        if self.is_reduced(value):
            return aligned(self.f, value, self._positions(range(len(value.shape)), value), self.block)
        return self.f.laid_out(value, self.block.order) + self.block.index()

    def _constant(self, value: Node, user: Node) -> str:
        literal = value.attrs["value"]
        what = self.clamps.get((float(literal), value.type.dtype), "")
        if user.op.name in ("maximum", "minimum") and self.f.has(what) and not self.is_reduced(user):
            return self._row(what)
        return number(literal, value.type.dtype)

    def _row(self, what: str) -> str:
        """What is repeated for the last axes of a block, cut to this one."""
        axes = self.block.axes[len(self.block.axes) - len(self.f.memory_type(what).shape) :]
        return self.f.memory(what) + subscript([a.trim for a in axes])

    def _spread(self, value: Node) -> str:
        """A broadcast or iota, seen through to what it repeats."""
        base, axes = spread_from(value)
        if base in self.texts:
            return self.texts[base]
        if base.op.name == "const":
            return number(base.attrs["value"], base.type.dtype)
        if base in self.rows and not self.is_reduced(value):
            return self._row(self.rows[base])
        positions = self._positions(axes, value)
        if base in self.f.kernel.packing:  # repeated along the columns, too
            positions = [len(self.block.order) - 2, len(self.block.order) - 1]
        if base.op.name == "iota":
            axis = base.attrs["axis"]
            return aligned(self.f, self._steps(base.shape[axis], base.type.dtype), [positions[axis]], self.block)
        return aligned(self.f, base, positions, self.block)

    def _steps(self, count: int, dtype: str) -> str:
        """The table 0, 1, 2 ... `count`, made at the start of the function."""
        what = f"steps_{dtype}_{count}"
        name = self.f.memory(what)
        if what not in self._memory:
            self._memory[what] = name
            self.f.start.lines(
                f"{name}.fill(1)", f"np.add.accumulate({name}, out={name})", f"np.subtract({name}, 1, out={name})"
            )
        return name

    def _positions(self, axes: Sequence[int], value: Node) -> list[int]:
        """Where axes of `value` stand in the block."""
        logical = [self.kept[a] for a in axes] if self.is_reduced(value) else list(axes)
        return [self.block.order.index(a) for a in logical]

    def reduction(self, node: Node, operand: str, out: str) -> str:
        """The call that reduces one block."""
        return f"{REDUCTIONS[node.op.name]}({operand}, axis={self._reduced()}, keepdims=True, out={out})"

    def _reduced(self) -> str:
        positions = sorted(self.block.order.index(a) for a in self.axes)
        return f"({', '.join(map(str, positions))},)" if len(positions) == 1 else f"({', '.join(map(str, positions))})"
