"""Plans: one way to compute a kernel, with what it takes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.slots import Slots, clamps, vectors
from tcaffe.ir.types import TensorType
from tcaffe.passes.packing import Form

Ints = tuple[int, ...]

PARTS = (*range(1, 9), *range(10, 17, 2), *range(20, 33, 4), *range(40, 65, 8))
"""Into how many parts an axis is cut."""


LONG_ROW = 1 << 14
"""Elements up to which a number or a vector is repeated along a row."""


@dataclass(frozen=True)
class Plan:
    """A way to compute a kernel: `tile` is the block of the result in memory order, `cost` an estimate in seconds."""

    tile: Ints
    cost: float = 0.0
    attrs: Mapping[str, Any] = field(default_factory=dict)
    scratch: Mapping[str, TensorType] = field(default_factory=dict)
    forms: Mapping[Node, Form] = field(default_factory=dict)

    @property
    def scratch_bytes(self) -> int:
        """Bytes of all scratch memory."""
        return sum(kind.nbytes for kind in self.scratch.values())


def blocks(shape: Ints, tile: Ints) -> int:
    """How many blocks of `tile` cover `shape`."""
    return math.prod(-(-n // t) for n, t in zip(shape, tile, strict=True))


def parts(total: int) -> list[int]:
    """Sizes into which `total` can be cut nearly evenly, falling; the finer the cut, the fewer of them."""
    counts = (n for n in PARTS if n <= total)
    return list(dict.fromkeys(-(-total // n) for n in counts))


def slot_memory(slots: Slots, workers: int, tile: Ints, reduced: Ints = (), margin: int = 0) -> dict[str, TensorType]:
    """Scratch memory for the slots of a region; `reduced` are positions of the block with a single number."""
    tile = (*tile[:-1], tile[-1] + margin) if margin else tile
    return {
        slot.name: TensorType(
            (workers, *(1 if slot.reduced and k in reduced else n for k, n in enumerate(tile))), slot.dtype
        )
        for slot in slots.all
    }


def chain_memory(
    kernel: Kernel, slots: Slots, workers: int, shape: Ints, tile: Ints, *, home: bool, packed: Collection[Node] = ()
) -> dict[str, TensorType]:
    """Scratch memory for the chain behind an anchor; the first slot only if `home` is not the result's own place."""
    memory = slot_memory(slots, workers, tile)
    if not home:
        memory.pop("t0", None)
    return memory | row_memory(kernel, shape, tile, packed)


def row_memory(kernel: Kernel, shape: Ints, tile: Ints, packed: Collection[Node] = ()) -> dict[str, TensorType]:
    """Rows of the numbers that the kernel clamps with, and of vectors repeated, but for those `packed` so already.

    numpy goes through one number, or one short vector over and over, at a fraction of the speed. A row spans the last
    axes, as many as no task splits.
    """
    keep = len(tile) - 1
    while keep > 1 and tile[keep - 1 :] == shape[keep - 1 :] and math.prod(tile[keep - 1 :]) <= LONG_ROW:
        keep -= 1
    rows = {f"clamp{k}": TensorType(tile[keep:], dtype) for k, (_, dtype) in enumerate(clamps(kernel))}
    if keep == len(tile) - 1:
        return rows
    repeated = {f"row{k}": base for k, base in enumerate(vectors(kernel)) if base not in packed}
    return rows | {what: TensorType(tile[keep:], base.type.dtype) for what, base in repeated.items()}
