"""`alias`: which values share bytes: views, results over dying operands, parts of a concatenation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate

from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.ir.program import Buffer, Kernel, Place, Program
from tcaffe.ir.types import TensorType
from tcaffe.passes.lifetimes import buffers
from tcaffe.passes.planner import lower_bound
from tcaffe.passes.strides import reshaped_strides

MAX_TRIALS = 24
"""How many concatenations at the peak are tried as copies before the pass is content."""


def alias(program: Program) -> Program:
    """Copies that need not be made become views, and results lie over operands that nobody needs any more.

    A concatenation vanishes when its operands can be stored right where it wants them. That makes the whole of it
    live as soon as its first part is, so each one at the peak is also tried as a copy, and the lower bound decides.
    """
    joined = frozenset(k.outputs[0] for k in program.kernels if _is_concat(k))
    best = Sharing(program, joined).run()
    for _ in range(MAX_TRIALS):
        trials = [Sharing(program, joined - {c}).run() for c in sorted(best.joined_at_peak(), key=lambda n: n.name)]
        better = min(trials, key=lambda s: s.bound, default=best)
        if better.bound >= best.bound:
            break
        best, joined = better, better.joined
    return best.program()


@dataclass
class Sharing:
    """One way to share: which concatenations are stored in parts, and what follows from that."""

    source: Program
    joined: frozenset[Node]
    places: dict[Node, Place] = field(default_factory=dict)
    views: dict[Node, None] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    bound: int = 0
    buffers: tuple[Buffer, ...] = ()

    def run(self) -> Sharing:
        """Decide concatenations, then views, then results over dying operands."""
        self.maker = {v: k for k in self.source.kernels for v in k.outputs}
        self.readers = _readers(self.source)
        self.joined = frozenset(c for c in self.joined if self._parts_can_be_stored_there(c))
        self.part_of = {p: c for c in self.joined for p in self.maker[c].nodes[0].inputs}
        self.becomes = dict(self._assigned())
        for node in self.source.inputs:
            self._place(node)
        for kernel in self.source.kernels:
            for value in kernel.outputs:
                self._place(value)
        self._reuse_dying()
        self._refresh()
        return self

    # ── places ──────────────────────────────────────────────────────────────────────────────────────

    def _place(self, node: Node) -> Place:
        """The place of `node`, decided when first asked for."""
        if node not in self.places:
            if node in self.joined:
                self.views[node] = None
            self.places[node] = (
                self._as_parameter(node) or self._as_part(node) or self._as_view(node) or self._own(node)
            )
        return self.places[node]

    def _own(self, node: Node) -> Place:
        self.sizes[node.name] = node.type.nbytes
        return Place(node.name, 0, node.type.strides)

    def _as_part(self, node: Node) -> Place | None:
        """Inside the concatenation it is an operand of."""
        whole = self.part_of.get(node)
        if whole is None:
            return None
        home = self._place(whole)
        concat = self.maker[whole].nodes[0]
        axis, parts = concat.attrs["axis"], concat.inputs
        start = sum(p.shape[axis] for p in parts[: parts.index(node)])
        return Place(home.buffer, home.offset + start * home.strides[axis], home.strides)

    def _as_parameter(self, node: Node) -> Place | None:
        """Over the parameter whose next value it is."""
        maker = self.maker.get(node)
        param = self.becomes.get(node)
        if param is None and maker is not None and _assigns(maker):
            param, new = node.inputs
            if self.becomes.get(new) is param:
                self.views[node] = None
        return Place(param.name, 0, param.type.strides) if param is not None else None

    def _assigned(self) -> Iterator[tuple[Node, Node]]:
        """Values that can be stored over the parameters they become, and those: all else has read the old value."""
        time = {kernel: k for k, kernel in enumerate(self.source.kernels)}
        last: dict[Node, int] = {}
        for kernel in self.source.kernels:
            for value in () if _assigns(kernel) else kernel.packed:
                last[self._origin(value)] = time[kernel]
        taken: set[Node] = set()
        for kernel in filter(_assigns, self.source.kernels):
            param, new = kernel.nodes[0].inputs
            maker = self.maker.get(new)
            if maker is None or new in taken or new in self.part_of or _is_arrangement(maker) or _assigns(maker):
                continue
            if new.type == param.type and last.get(param, -1) <= time[maker] and self._reads_before(maker, param, new):
                taken.add(new)
                yield new, param

    def _reads_before(self, kernel: Kernel, param: Node, value: Node) -> bool:
        """Whether a kernel that stores `value` over `param` has read of it by then what it needs."""
        reads = [r for r, packed in zip(kernel.reads, kernel.packed, strict=True) if self._origin(packed) is param]
        return not reads or (reads == [param] and param not in kernel.packing and reads_in_place(kernel, param, value))

    def _origin(self, value: Node) -> Node:
        """What `value` is an arrangement of."""
        maker = self.maker.get(value)
        return self._origin(value.inputs[0]) if maker is not None and _is_arrangement(maker) else value

    def _as_view(self, node: Node) -> Place | None:
        """The bytes of its operand, or of a parameter, if `node` is an arrangement of them that strides can express."""
        kernel = self.maker.get(node)
        if kernel is None or not _is_arrangement(kernel):
            return None
        x = node.inputs[0]
        home = Place(x.name, 0, x.type.strides) if x.op is ops.param else self._place(x)
        found = _arranged(node, home)
        if found is not None:
            self.views[node] = None
        return found

    def _parts_can_be_stored_there(self, concat: Node) -> bool:
        """Whether every operand is made by a kernel, once, in the same order, and not needed as a dense whole."""
        parts = self.maker[concat].nodes[0].inputs
        return len(set(parts)) == len(parts) and all(self._can_be_part(p, concat) for p in parts)

    def _can_be_part(self, part: Node, concat: Node) -> bool:
        kernel = self.maker.get(part)
        if kernel is None or part.type.order != concat.type.order or part.type.dtype != concat.type.dtype:
            return False
        others = [k for k in self.readers[part] if _is_concat(k) and k.outputs[0] in self.joined]
        reshaped = any(k.nodes[0].op is ops.reshape for k in self.readers[part] if _is_arrangement(k))
        return len(others) == 1 and not _is_arrangement(kernel) and not reshaped

    # ── reuse ───────────────────────────────────────────────────────────────────────────────────────

    def _reuse_dying(self) -> None:
        """Lay a kernel's result over an operand it reads element by element and nobody reads later."""
        last = self._last_use()
        self.tenants: dict[str, list[Node]] = {}
        for node, place in self.places.items():
            self.tenants.setdefault(place.buffer, []).append(node)
        for value in self.source.outputs.values():
            last[self.places[value].buffer] = len(self.source.kernels)
        for time, kernel in enumerate(self.source.kernels):
            for value in kernel.outputs:
                if value in self.views or value in self.part_of or self.places[value].buffer != value.name:
                    continue
                for operand in kernel.inputs:
                    home = self.places[operand]
                    if last[home.buffer] == time and self._fits_over(kernel, value, operand):
                        self._move(value.name, home.buffer)
                        last[home.buffer] = last.pop(value.name, time)
                        break

    def _fits_over(self, kernel: Kernel, value: Node, operand: Node) -> bool:
        old, new = self.places[operand], self.places[value]
        whole = old.offset == 0 and self.sizes.get(old.buffer) == self.sizes[new.buffer]
        same = operand.type.same_value(value.type) and old.strides == new.strides
        alone = not self._read_elsewhere(kernel, old, operand)
        return whole and same and alone and reads_in_place(kernel, operand, value)

    def _read_elsewhere(self, kernel: Kernel, home: Place, operand: Node) -> bool:
        """Whether the kernel reads the operand's buffer through another value too, or has stored into it already."""
        others = [v for v in (*kernel.inputs, *kernel.outputs) if v is not operand]
        return any(self.places[v].buffer == home.buffer for v in others)

    def _move(self, buffer: str, to: str) -> None:
        del self.sizes[buffer]
        moved = self.tenants.pop(buffer)
        self.tenants[to] += moved
        for node in moved:
            self.places[node] = replace(self.places[node], buffer=to)

    def _last_use(self) -> dict[str, int]:
        last: dict[str, int] = {}
        for time, kernel in enumerate(self.source.kernels):
            for value in (*kernel.inputs, *kernel.outputs):
                last[self.places[value].buffer] = time
        return last

    # ── result ──────────────────────────────────────────────────────────────────────────────────────

    def program(self) -> Program:
        """The program with its places, without the kernels that became views."""
        kernels = tuple(k for k in self.source.kernels if not all(v in self.views for v in k.outputs))
        scratch = {s.name: Place(s.name, 0, s.type.strides) for k in kernels for s in k.scratch}
        places = {node.name: place for node, place in self.places.items()} | scratch
        return replace(self.source, kernels=kernels, views=tuple(self.views), places=places)

    def joined_at_peak(self) -> set[Node]:
        """The concatenations stored in parts whose buffer is live when most bytes are."""
        end = max((b.end for b in self.buffers), default=0)
        change = [0] * (end + 1)
        for b in self.buffers:
            change[b.start] += b.size
            change[b.end] -= b.size
        live = list(accumulate(change))
        peak = live.index(max(live))
        there = {b.name for b in self.buffers if b.start <= peak < b.end}
        return {c for c in self.joined if self.places[c].buffer in there}

    def _refresh(self) -> None:
        self.buffers = planned_buffers(self.program())
        self.bound = lower_bound(self.buffers)


def planned_buffers(program: Program) -> tuple[Buffer, ...]:
    """The buffers of a program whose places are decided."""
    params = {p.name for p in program.params}
    homes = {v: program.places[v.name].buffer for v in program.stored}
    sizes: dict[str, int] = {s.name: s.type.nbytes for k in program.kernels for s in k.scratch}
    for value in program.stored:
        place = program.places[value.name]
        if place.offset == 0 and place.buffer not in params:
            sizes[place.buffer] = max(sizes.get(place.buffer, 0), extent(value.type, place))
    return buffers(program, homes, sizes)


def extent(kind: TensorType, place: Place) -> int:
    """Bytes from the start of a place to the end of its last element."""
    if kind.size == 0:
        return 0
    return sum((n - 1) * step for n, step in zip(kind.shape, place.strides, strict=True)) + kind.itemsize


def reads_in_place(kernel: Kernel, operand: Node, value: Node) -> bool:
    """Whether each element of `operand` is read only for the same element of `value`, and never after it is stored."""
    seen = False
    for node in kernel.nodes:
        if operand in node.inputs:
            if seen or node.op.family not in ("pointwise", "reduce") or node.inputs[0].shape != operand.shape:
                return False
            if node is kernel.anchor and node.op.family != "reduce":
                return False
        seen = seen or node is value
    return True


def _assigns(kernel: Kernel) -> bool:
    """Whether a kernel does nothing but give a parameter its next value."""
    return len(kernel.nodes) == 1 and kernel.nodes[0].op is ops.assign and kernel.nodes[0].inputs[0].op is ops.param


def _is_concat(kernel: Kernel) -> bool:
    return kernel.nodes[0].op is ops.concat and len(kernel.nodes) == 1


def _is_arrangement(kernel: Kernel) -> bool:
    return len(kernel.nodes) == 1 and kernel.nodes[0].op in (ops.keep, ops.reshape, ops.slice_, ops.transpose)


def _arranged(node: Node, home: Place) -> Place | None:
    """The place of an arrangement of what lies at `home`."""
    x = node.inputs[0]
    match node:
        case Node(ops.keep):
            return home
        case Node(ops.transpose, _, {"order": axes}):
            return replace(home, strides=tuple(home.strides[i] for i in axes))
        case Node(ops.slice_, _, {"begin": begin, "stride": step}):
            offset = sum(b * s for b, s in zip(begin, home.strides, strict=True))
            steps = step or (1,) * len(begin)
            strides = tuple(a * s for a, s in zip(steps, home.strides, strict=True))
            return Place(home.buffer, home.offset + offset, strides)
    reshaped = reshaped_strides(x.shape, home.strides, node.shape)
    return None if reshaped is None else replace(home, strides=reshaped)


def _readers(program: Program) -> Mapping[Node, list[Kernel]]:
    found: dict[Node, list[Kernel]] = {v: [] for v in _stored(program.kernels)}
    for kernel in program.kernels:
        for value in kernel.inputs:
            found.setdefault(value, []).append(kernel)
    return found


def _stored(kernels: Iterable[Kernel]) -> list[Node]:
    return [v for k in kernels for v in k.outputs]
