"""Maxima of windows with the number of the element each was found at, one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tcaffe.codegen.numpy.blocks import Axis, Block, affine, begin_tasks, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.slides import Slide, slides
from tcaffe.ir.node import Node

LOWEST = "-3.4028234663852886e+38"


def write_pool_tap(f: Function) -> None:
    """The taps of a pool that nobody wants the maxima of."""
    tap = f.kernel.anchor
    assert tap is not None
    order = tap.type.axes_in_memory
    block = begin_tasks(f, order, [tap.shape[a] for a in order], f.kernel.attrs["tile"])
    largest = f.fresh("largest")
    f.body.line(f"{largest} = {f.memory('largest')}{subscript([f.worker, *(a.trim for a in block.axes)])}")
    tap_block(f, tap, block, largest)


def tap_block(f: Function, tap: Node, block: Block, largest: str) -> None:
    """Write a block of `tap` to its place, and the largest elements of the same windows into `largest`.

    The innermost axis goes first. A later tap takes over only from what is smaller, so the first of equals stays; and
    since its number is higher, the maximum of both numbers is the right one: numbers of a byte, many at once.
    """
    found = slides(tap)
    steps = len(found)
    rows = _Rows.behind(f, found[0], block.axes[found[0].position])
    there = [":" if any(s.position == k for s in found) else a.where for k, a in enumerate(block.axes)]
    there[found[0].position] = rows.where
    source = f.laid_out(tap.inputs[0], block.order) + subscript(there)
    codes, inner = "", 1
    for k, slide in enumerate(reversed(found)):
        last = k == steps - 1
        axis, base = (block.axes[slide.position], rows.first) if last else (Axis(slide.out), "0")
        cuts = _cuts(block, found, None if last else rows)
        best, code = (
            (largest, f.laid_out(tap, block.order) + block.index())
            if last
            else (_memory(f, f"largest{k}", cuts), _memory(f, f"code{k}", cuts))
        )
        phases = _phases(f, slide, source, _cuts(block, found, rows)) if k == 0 and f.has("phases") else None
        mask = _memory(f, f"mask{k}", cuts)
        candidate = _memory(f, f"other{k}", cuts) if codes else ""
        _Stage(f, slide, axis, base, source, phases, codes, inner).write(best, code, mask, candidate)
        source, codes, inner = best, code, inner * slide.size


@dataclass(frozen=True)
class _Rows:
    """The operands along the outermost axis of the windows of a block, from `first` on."""

    first: str
    where: str
    count: str

    @classmethod
    def behind(cls, f: Function, slide: Slide, axis: Axis) -> _Rows:
        """Write the lines that find them."""
        if axis.whole:
            return cls("0", ":", "")
        first, last = f.fresh("top"), f.fresh("bottom")
        begin = affine(slide.stride, axis.start, -slide.low)
        end = affine(slide.stride, axis.stop, slide.size - slide.stride - slide.low)
        f.body.line(f"{first}, {last} = max({begin}, 0), min({end}, {slide.count})")
        return cls(first, f"{first}:{last}", f"{last} - {first}")


def _cuts(block: Block, found: Sequence[Slide], rows: _Rows | None) -> list[str]:
    """What cuts a temporary to a block: of the operands' `rows`, or of the results."""
    cuts = [a.trim for a in block.axes]
    if rows is not None:
        cuts[found[0].position] = f":{rows.count}"
    return cuts


def _memory(f: Function, what: str, cuts: Sequence[str]) -> str:
    """A temporary of the task's own."""
    name = f.fresh(what.rstrip("0123456789"))
    f.body.line(f"{name} = {f.memory(what)}{subscript([f.worker, *cuts])}")
    return name


def _phases(f: Function, slide: Slide, source: str, cuts: Sequence[str]) -> str:
    """Write the copy of every stride-th operand of a window's innermost axis, so that neighbours lie side by side."""
    phases, before = f.fresh("phases"), [":"] * slide.position
    f.body.line(f"{phases} = {f.memory('phases')}{subscript([f.worker, ':', *cuts])}")
    for phase in sorted({(t - slide.low) % slide.stride for t in range(slide.size)}):
        count = -(-(slide.count - phase) // slide.stride)
        if count > 0:
            target = phases + subscript([str(phase), *before, f":{count}"])
            f.body.line(f"np.copyto({target}, {source}{subscript([*before, f'{phase}::{slide.stride}'])})")
    return phases


@dataclass
class _Stage:
    """The maximum along one axis: `source` holds the operands from number `base` on, or `phases` what is in them.

    `codes` are the numbers of the operands within what has been pooled before, of which there are `inner`.
    """

    f: Function
    slide: Slide
    axis: Axis
    base: str
    source: str
    phases: str | None
    codes: str
    inner: int

    def write(self, best: str, code: str, mask: str, candidate: str) -> None:
        """Write the largest operands into `best` and their numbers into `code`."""
        f, full = self.f, self.slide.full
        start = self._operand(self.source, 0, self.axis.start, self._stop) if 0 in full else ""
        if self.codes and start:
            f.body.line(f"np.copyto({code}, {self.codes}{self._tap(0, self.axis.start, self._stop)})")
        else:
            f.body.line(f"{code}.fill(0)")
            self._number_edge(code)
        follows = start and 1 in full
        if not follows:
            f.body.line(f"np.copyto({best}, {start})" if start else f"{best}.fill({LOWEST})")
        for tap in range(int(bool(start)), self.slide.size):
            first, last = self.slide.results(tap)
            with ExitStack() as conditions:
                if first < last:
                    before = start if follows and tap == 1 else ""
                    self._step(tap, self._range(tap, conditions), (best, code, mask, candidate), before)

    def _number_edge(self, code: str) -> None:
        """Write the numbers of the first elements of windows that begin in the padding: the image's first ones."""
        slide, before = self.slide, [":"] * self.slide.position
        for k in range(min(slide.out, -(-slide.low // slide.stride))):
            number = min(slide.low - k * slide.stride, slide.size - 1) * self.inner
            with ExitStack() as conditions:
                place = f"{k}:{k + 1}"
                if not self.axis.whole:
                    conditions.enter_context(self.f.body.block(f"if {self.axis.start} <= {k} < {self.axis.stop}:"))
                    place = f"{k} - {self.axis.start}:{k + 1} - {self.axis.start}"
                place = code + subscript([*before, place])
                first = f"np.add({self.codes}{subscript([*before, ':1'])}, {number}, out={place})"
                self.f.body.line(first if self.codes else f"{place} = {number}")

    @property
    def _stop(self) -> str:
        return str(self.slide.out) if self.axis.whole else self.axis.stop

    def _range(self, tap: int, conditions: ExitStack) -> tuple[str, str, str]:
        """The windows of which a tap exists: where they lie in the block, the first and the last; maybe none."""
        first, last = self.slide.results(tap)
        if (first, last) == (0, self.slide.out):
            return ":", self.axis.start, self._stop
        if self.axis.whole:
            return f"{first}:{last}", str(first), str(last)
        begin, end = self.f.fresh("first"), self.f.fresh("last")
        self.f.body.line(f"{begin}, {end} = max({self.axis.start}, {first}), min({self.axis.stop}, {last})")
        conditions.enter_context(self.f.body.block(f"if {begin} < {end}:"))
        return f"{begin} - {self.axis.start}:{end} - {self.axis.start}", begin, end

    def _step(self, tap: int, span: tuple[str, str, str], places: tuple[str, str, str, str], before: str) -> None:
        """Write the comparison of one tap with the largest so far, which lies in `before` or in the result."""
        where, first, last = span
        cut = subscript([":"] * self.slide.position + [where])
        best, code, mask, candidate = (p + cut if p else "" for p in places)
        operand, line = self._operand(self.source, tap, first, last), self.f.body.line
        if tap == 0:  # some windows begin with it, the others in the padding
            line(f"np.maximum({best}, {operand}, out={best})")
            if self.codes:
                line(f"np.copyto({code}, {self.codes}{self._tap(tap, first, last)})")
            return
        line(f"np.greater({operand}, {before or best}, out={mask})")
        line(f"np.maximum({before or best}, {operand}, out={best})")
        if self.codes:
            line(f"np.add({self.codes}{self._tap(tap, first, last)}, {tap * self.inner}, out={candidate})")
            line(f"np.multiply({mask}, {candidate}, out={mask})")
        elif tap > 1:
            line(f"np.multiply({mask}, {tap}, out={mask})")
        line(f"np.maximum({code}, {mask}, out={code})")

    def _operand(self, source: str, tap: int, first: str, last: str) -> str:
        """A tap of some windows."""
        if self.phases is None:
            return source + self._tap(tap, first, last)
        skipped, phase = divmod(tap - self.slide.low, self.slide.stride)
        span = f"{affine(1, first, skipped)}:{affine(1, last, skipped)}"
        return self.phases + subscript([str(phase), *[":"] * self.slide.position, span])

    def _tap(self, tap: int, first: str, last: str) -> str:
        return subscript([":"] * self.slide.position + [self.slide.operands(tap, first, last, self.base)])
