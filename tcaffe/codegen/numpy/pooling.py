"""Pools: windows sliding over some axes, one axis after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tcaffe.codegen.numpy.blocks import Axis, Block, affine, begin_tasks, subscript
from tcaffe.codegen.numpy.chain import Chain
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.spelling import number
from tcaffe.codegen.numpy.windows import COMBINE
from tcaffe.ir.node import Node

LOWEST = "-3.4028234663852886e+38"


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

    def divisor(self, k: int) -> int:
        """The positions of window k that count for an average."""
        start = k * self.stride - self.low
        return min(start + self.size, self.count + self.low) - start


def slides(pool: Node) -> list[Slide]:
    """The windows of a pool along its axes, in memory order."""
    x, attrs = pool.inputs[0], pool.attrs
    order = pool.type.axes_in_memory
    found = [
        Slide(order.index(axis), x.shape[axis], pool.shape[axis], size, stride, low)
        for axis, size, stride, (low, _) in zip(
            attrs["axes"], attrs["size"], attrs["stride"], attrs["pad"], strict=True
        )
    ]
    return sorted(found, key=lambda s: s.position)


def write_pool(f: Function) -> None:
    """A pool and the pointwise work on its result."""
    pool = f.kernel.anchor
    assert pool is not None
    order = pool.type.axes_in_memory
    block = begin_tasks(f, order, [pool.shape[a] for a in order], f.kernel.attrs["tile"])
    chain = Chain(f, pool, block)
    x = f.laid_out(pool.inputs[0], order)
    pool_block(f, pool, x + subscript([":" if k in {s.position for s in slides(pool)} else a.where
                                       for k, a in enumerate(block.axes)]), "0", block, chain.home)  # fmt: skip
    chain.finish()


def pool_block(f: Function, pool: Node, source: str, base: str, block: Block, out: str) -> None:
    """Write the pool of one block into `out`; `source` holds its operands from number `base` of the split axis on."""
    found = slides(pool)
    if pool.attrs["kind"] == "argmax":
        Argmax(f, pool, found, block).write(source, base, out)
        return
    if _is_global(found):
        _reduce(f, pool, found, source, out)
        return
    for k, slide in enumerate(found):
        if k == len(found) - 1:
            target = out
        else:
            target = f.fresh("t")
            later = {s.position for s in found[k + 1 :]}
            lengths = [":" if j in later else a.trim for j, a in enumerate(block.axes)]
            f.body.line(f"{target} = {f.memory(f'pooled{k}')}{subscript([f.worker, *lengths])}")
        Sliding(f, slide, block.axes[slide.position], COMBINE[pool.attrs["kind"]]).write(source, base, target)
        source, base = target, "0"
    if pool.attrs["kind"] == "average":
        for line in _averages(found, block, out):
            f.body.line(line)
        _border_averages(f, found, block, out)


def _is_global(found: Sequence[Slide]) -> bool:
    return all(s.out == 1 and s.size == s.count and s.low == 0 for s in found)


def _reduce(f: Function, pool: Node, found: Sequence[Slide], source: str, out: str) -> None:
    """One window that spans everything."""
    axes = ", ".join(str(s.position) for s in found) + ("," if len(found) == 1 else "")
    f.body.line(f"{COMBINE[pool.attrs['kind']]}.reduce({source}, axis=({axes}), keepdims=True, out={out})")
    if pool.attrs["kind"] == "average":
        count = 1
        for s in found:
            count *= s.count
        f.body.line(f"np.divide({out}, {float(count)}, out={out})")


@dataclass
class Sliding:
    """Writes the combination of the taps of a window along one axis of a block."""

    f: Function
    slide: Slide
    axis: Axis
    combine: str

    def write(self, source: str, base: str, out: str) -> None:
        """`source` holds the operands from number `base` on, `out` takes the results of the block."""
        full = self.slide.full
        taps = [source + self._operands(t, self.axis.start, self._stop, base) for t in full]
        match taps:
            case []:
                self.f.body.line(f"{out}.fill({'0.0' if self.combine == 'np.add' else LOWEST})")
            case [only]:
                self.f.body.line(f"np.copyto({out}, {only})")
            case [first, second, *rest]:
                self.f.body.line(f"{self.combine}({first}, {second}, out={out})")
                self.f.body.lines(*(f"{self.combine}({out}, {tap}, out={out})" for tap in rest))
        for tap in self.slide.partial:
            self._partial(tap, source, base, out)

    @property
    def _stop(self) -> str:
        return str(self.slide.out) if self.axis.whole else self.axis.stop

    def _at(self, part: str) -> str:
        return subscript([":"] * self.slide.position + [part])

    def _operands(self, tap: int, first: str, last: str, base: str) -> str:
        """The subscript of the operands that are `tap` of the windows `first` to `last`."""
        stride, offset = self.slide.stride, tap - self.slide.low
        start = minus(affine(stride, first, offset), base)
        last_one = f"{last} - 1" if not last.isdigit() else str(int(last) - 1)
        stop = affine(stride, last_one, offset + 1) if last.isdigit() else affine(stride, last, offset + 1 - stride)
        return self._at(f"{start}:{minus(stop, base)}" + (f":{stride}" if stride > 1 else ""))

    def _partial(self, tap: int, source: str, base: str, out: str) -> None:
        first, last = self.slide.results(tap)
        if self.axis.whole:
            self._combine(out + self._at(f"{first}:{last}"), source + self._operands(tap, str(first), str(last), base))
            return
        start, stop = self.f.fresh("first"), self.f.fresh("last")
        begin, end = self.axis.start, self.axis.stop
        self.f.body.line(f"{start}, {stop} = {f'max({begin}, {first})' if first else begin}, min({end}, {last})")
        with self.f.body.block(f"if {start} < {stop}:"):
            part = out + self._at(f"{start} - {begin}:{stop} - {begin}")
            self._combine(part, source + self._operands(tap, start, stop, base))

    def _combine(self, part: str, operand: str) -> None:
        self.f.body.line(f"{self.combine}({part}, {operand}, out={part})")


@dataclass
class Argmax:
    """Writes the index of the first largest element of every window: tap by tap, best so far in `best`."""

    f: Function
    pool: Node
    found: Sequence[Slide]
    block: Block

    def write(self, source: str, base: str, out: str) -> None:
        """The indices are row-major over the pooled axes of the whole operand; `source` is all of it along these."""
        f = self.f
        best, better = f.fresh("best"), f.fresh("better")
        lengths = subscript([f.worker, *(a.trim for a in self.block.axes)])
        f.body.line(f"{best} = {f.memory('best')}{lengths}")
        f.body.line(f"{better} = {f.memory('better')}{lengths}")
        f.body.line(f"{best}.fill(-np.inf)")
        f.body.line(f"{out}.fill(0.0)")
        for taps in itertools.product(*(range(s.size) for s in self.found)):
            self._tap(taps, source, best, better, out)
        self._add_positions(out)

    def _tap(self, taps: tuple[int, ...], source: str, best: str, better: str, out: str) -> None:
        here, there, index = self._whole(), self._whole(), 0
        for slide, tap in zip(self.found, taps, strict=True):
            first, last = slide.results(tap)
            if first == last:
                return
            here[slide.position] = f"{first}:{last}"
            start = first * slide.stride + tap - slide.low
            there[slide.position] = f"{start}:{start + (last - first - 1) * slide.stride + 1}:{slide.stride}"
            index = index * slide.count + tap
        lines, cut = self.f.body, subscript(here)
        lines.line(f"np.greater({source}{subscript(there)}, {best}{cut}, out={better}{cut})")
        lines.line(f"np.copyto({best}{cut}, {source}{subscript(there)}, where={better}{cut})")
        lines.line(f"np.copyto({out}{cut}, {float(index)}, where={better}{cut})")

    def _whole(self) -> list[str]:
        return [":"] * len(self.block.axes)

    def _add_positions(self, out: str) -> None:
        """Add where each window starts, axis by axis."""
        inner = 1
        for slide in reversed(self.found):
            for k in range(slide.out):
                start = (k * slide.stride - slide.low) * inner
                cut = self._whole()
                cut[slide.position] = f"{k}:{k + 1}"
                if start:
                    self.f.body.line(f"np.add({out}{subscript(cut)}, {float(start)}, out={out}{subscript(cut)})")
            inner *= slide.count


def minus(text: str, base: str) -> str:
    """`text - base`, worked out where both are numbers."""
    if base == "0":
        return text
    return str(int(text) - int(base)) if text.lstrip("-").isdigit() and base.isdigit() else f"{text} - {base}"


def _averages(found: Sequence[Slide], block: Block, out: str) -> list[str]:
    """Sums divided by the size of a whole window, then put right along axes that no task splits."""
    size = 1
    for slide in found:
        size *= slide.size
    lines = [f"np.divide({out}, {float(size)}, out={out})"]
    for slide in found:
        if block.axes[slide.position].whole:
            for k in _short(slide):
                part = out + subscript([":"] * slide.position + [f"{k}:{k + 1}"])
                lines.append(f"np.multiply({part}, {_correction(slide, k)}, out={part})")
    return lines


def _border_averages(f: Function, found: Sequence[Slide], block: Block, out: str) -> None:
    """The same along an axis that tasks split."""
    for slide in found:
        axis = block.axes[slide.position]
        for k in _short(slide) if not axis.whole else ():
            with f.body.block(f"if {axis.start} <= {k} < {axis.stop}:"):
                part = out + subscript([":"] * slide.position + [f"{k} - {axis.start}:{k + 1} - {axis.start}"])
                f.body.line(f"np.multiply({part}, {_correction(slide, k)}, out={part})")


def _short(slide: Slide) -> list[int]:
    """The windows that count fewer positions than they have."""
    return [k for k in range(slide.out) if slide.divisor(k) != slide.size]


def _correction(slide: Slide, k: int) -> str:
    """What makes an average over the window's size one over what it counts; over nothing it is not a number."""
    return number(slide.size / slide.divisor(k)) if slide.divisor(k) else "np.inf"
