"""Rows: how reductions over long rows are cut into pieces, and the sums of few rows into parts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Scratch
from tcaffe.ir.slots import domain, reduced_axes
from tcaffe.ir.types import TensorType

LONGEST = 16384
"""Elements of the longest row that fits into the registers of a program."""
SHORT = 64
"""Elements of a row that is not worth a loop, though neighbours in memory are of other rows."""
PIECE = 2048
"""Elements that a program looks at in one step."""
WIDE = 64
"""Neighbours in memory that are read together."""
MIN_PIECES = 4
"""Steps that are worth a program of their own."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A reduction of `rows` rows of `columns` elements; `inner` tells that neighbours in memory are of other rows."""

    rows: int
    columns: int
    inner: bool

    @property
    def long(self) -> bool:
        """Whether a program goes through them in pieces."""
        return self.columns > LONGEST or (self.inner and self.columns > SHORT)

    def piece(self, grain: int) -> tuple[int, int]:
        """Rows and columns that a program looks at in one step."""
        most = PIECE * grain
        if self.inner:
            down = min(WIDE * grain, _power(self.rows))
            return down, max(1, min(most // down, _power(self.columns)))
        across = min(most, _power(self.columns))
        return max(1, min(most // across, _power(self.rows))), across

    def parts(self, processors: int) -> int:
        """Into how many parts to cut rows, so that all processors have work."""
        down, across = self.piece(1)
        blocks, pieces = -(-self.rows // down), -(-self.columns // across)
        return max(1, min(2 * processors // blocks, pieces // MIN_PIECES))


def rows_of(kernel: Kernel) -> Rows:
    """The rows that a kernel reduces."""
    kind, axes = domain(kernel.nodes), reduced_axes(kernel.nodes)
    rows = math.prod(n for a, n in enumerate(kind.shape) if a not in axes)
    columns = math.prod(kind.shape[a] for a in axes)
    return Rows(rows, columns, bool(kind.shape) and kind.axes_in_memory[-1] not in axes)


def may_be_parted(kernel: Kernel) -> bool:
    """Whether nothing of the full shape, and no other reduction, needs what the kernel reduces."""
    full = len(domain(kernel.nodes).shape)
    behind: set[Node] = set()
    for node in kernel.nodes:
        if behind.intersection(node.inputs) and (node.op.family == "reduce" or len(node.shape) == full):
            return False
        if node.op.family == "reduce" or behind.intersection(node.inputs):
            behind.add(node)
    return True


def rows_scratch(kernel: Kernel, parts: int) -> Iterable[Scratch]:
    """Where the parts of each reduction wait to be joined: rows as they lie in memory."""
    kind, rows = domain(kernel.nodes), rows_of(kernel).rows
    reductions = [n for n in kernel.nodes if n.op.family == "reduce"]
    return tuple(
        Scratch(f"{kernel.name}.parts{k}", TensorType((parts, rows), kind.dtype)) for k, _ in enumerate(reductions)
    )


def _power(count: int) -> int:
    """The smallest power of two that is not below `count`."""
    return 1 << max(count - 1, 0).bit_length()
