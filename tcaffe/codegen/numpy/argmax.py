"""Pools that tell where the largest element is."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from tcaffe.codegen.numpy.blocks import Block, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.slides import Slide


@dataclass
class Argmax:
    """Writes the index of the first largest element of every window: tap by tap, the best so far in `best`."""

    f: Function
    found: list[Slide]
    block: Block

    def write(self, source: str, out: str) -> None:
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
        """Write the lines that let one tap of all windows compete."""
        here, there, index = [":"] * len(self.block.axes), [":"] * len(self.block.axes), 0
        for slide, tap in zip(self.found, taps, strict=True):
            first, last = slide.results(tap)
            if first == last:
                return
            here[slide.position] = f"{first}:{last}"
            there[slide.position] = slide.operands(tap, str(first), str(last))
            index = index * slide.count + tap
        cut, x = subscript(here), source + subscript(there)
        self.f.body.lines(
            f"np.greater({x}, {best}{cut}, out={better}{cut})",
            f"np.copyto({best}{cut}, {x}, where={better}{cut})",
            f"np.copyto({out}{cut}, {float(index)}, where={better}{cut})",
        )

    def _add_positions(self, out: str) -> None:
        """Write the lines that add where each window starts, axis by axis."""
        inner = 1
        for slide in reversed(self.found):
            for k in range(slide.out):
                if start := (k * slide.stride - slide.low) * inner:
                    part = out + subscript([":"] * slide.position + [f"{k}:{k + 1}"])
                    self.f.body.line(f"np.add({part}, {float(start)}, out={part})")
            inner *= slide.count
