"""Pools: windows sliding over some axes, one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tcaffe.codegen.numpy.argmax import argmax_block
from tcaffe.codegen.numpy.blocks import Axis, Block, begin_tasks, subscript
from tcaffe.codegen.numpy.chain import Chain
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.slides import Slide, slides
from tcaffe.codegen.numpy.spelling import number
from tcaffe.codegen.numpy.taps import LOWEST, tap_block
from tcaffe.codegen.numpy.windows import COMBINE
from tcaffe.ir.node import Node


def write_pool(f: Function) -> None:
    """A pool and the pointwise work on its result; the taps of its maxima where they are wanted, too."""
    pool = f.kernel.anchor
    assert pool is not None
    order = pool.type.axes_in_memory
    block = begin_tasks(f, order, [pool.shape[a] for a in order], f.kernel.attrs["tile"])
    chain = Chain(f, pool, block)
    tap = next((n for n in f.kernel.nodes if n.op.name == "pool_tap"), None)
    if tap is not None:
        tap_block(f, tap, block, chain.home)
    else:
        pooled = {s.position for s in slides(pool)}
        part = subscript([":" if k in pooled else a.where for k, a in enumerate(block.axes)])
        pool_block(f, pool, f.laid_out(pool.inputs[0], order) + part, "0", block, chain.home)
    chain.finish()


def pool_block(f: Function, pool: Node, source: str, base: str, block: Block, out: str) -> None:
    """Write the pool of one block into `out`; `source` holds its operands from number `base` of the split axis on."""
    found, kind = slides(pool), pool.attrs["kind"]
    if kind == "argmax":
        largest = f.fresh("largest")
        f.body.line(f"{largest} = {f.memory('largest')}{subscript([f.worker, *(a.trim for a in block.axes)])}")
        _combine(f, "max", found, source, base, block, largest)
        argmax_block(f, found, block, source, largest, out)
        return
    _combine(f, kind, found, source, base, block, out)
    if kind == "average":
        average(f, found, block, out, out)


def _combine(f: Function, kind: str, found: Sequence[Slide], source: str, base: str, block: Block, out: str) -> None:
    """Write the sum or the maximum of every window."""
    if all(s.out == 1 and s.size == s.count and s.low == 0 for s in found):
        _reduce(f, kind, found, source, out)
    else:
        for k, slide in enumerate(found):
            target = out if k == len(found) - 1 else _between(f, k, found, block)
            Sliding(f, slide, block.axes[slide.position], COMBINE[kind]).write(source, base, target)
            source, base = target, "0"


def _reduce(f: Function, kind: str, found: Sequence[Slide], source: str, out: str) -> None:
    """Write a window that spans everything."""
    axes = ", ".join(str(s.position) for s in found) + ("," if len(found) == 1 else "")
    f.body.line(f"{COMBINE[kind]}.reduce({source}, axis=({axes}), keepdims=True, out={out})")


def _between(f: Function, k: int, found: Sequence[Slide], block: Block) -> str:
    """A temporary for the windows along the first k + 1 axes."""
    name, later = f.fresh("t"), {s.position for s in found[k + 1 :]}
    lengths = [":" if j in later else a.trim for j, a in enumerate(block.axes)]
    f.body.line(f"{name} = {f.memory(f'pooled{k}')}{subscript([f.worker, *lengths])}")
    return name


@dataclass
class Sliding:
    """Writes the combination of the taps of a window along one axis of a block."""

    f: Function
    slide: Slide
    axis: Axis
    combine: str

    def write(self, source: str, base: str, out: str) -> None:
        """`source` holds the operands from number `base` on, `out` takes the results of the block."""
        stop = str(self.slide.out) if self.axis.whole else self.axis.stop
        taps = [source + self._at(self.slide.operands(t, self.axis.start, stop, base)) for t in self.slide.full]
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

    def _at(self, part: str) -> str:
        return subscript([":"] * self.slide.position + [part])

    def _partial(self, tap: int, source: str, base: str, out: str) -> None:
        """Write what a tap adds that does not exist for the windows at the edge."""
        first, last = self.slide.results(tap)
        if self.axis.whole:
            operands = self.slide.operands(tap, str(first), str(last), base)
            self._combine(out + self._at(f"{first}:{last}"), source + self._at(operands))
            return
        start, stop = self.f.fresh("first"), self.f.fresh("last")
        begin, end = self.axis.start, self.axis.stop
        self.f.body.line(f"{start}, {stop} = {f'max({begin}, {first})' if first else begin}, min({end}, {last})")
        with self.f.body.block(f"if {start} < {stop}:"):
            part = out + self._at(f"{start} - {begin}:{stop} - {begin}")
            self._combine(part, source + self._at(self.slide.operands(tap, start, stop, base)))

    def _combine(self, part: str, operand: str) -> None:
        self.f.body.line(f"{self.combine}({part}, {operand}, out={part})")


def average(f: Function, found: Sequence[Slide], block: Block, out: str, sums: str) -> None:
    """Write the division of sums by the size of a whole window, and what puts right the windows that count less."""
    f.body.line(f"np.divide({sums}, {float(math.prod(s.size for s in found))}, out={out})")
    for slide in found:
        axis, before = block.axes[slide.position], [":"] * slide.position
        for k in range(slide.out):
            if slide.divisor(k) == slide.size:
                continue
            if axis.whole:
                f.body.line(_corrected(slide, k, out + subscript([*before, f"{k}:{k + 1}"])))
            else:
                with f.body.block(f"if {axis.start} <= {k} < {axis.stop}:"):
                    part = out + subscript([*before, f"{k} - {axis.start}:{k + 1} - {axis.start}"])
                    f.body.line(_corrected(slide, k, part))


def _corrected(slide: Slide, k: int, part: str) -> str:
    """An average over the window's size made one over what it counts; over nothing it is not a number."""
    factor = number(slide.size / slide.divisor(k)) if slide.divisor(k) else "np.inf"
    return f"np.multiply({part}, {factor}, out={part})"
