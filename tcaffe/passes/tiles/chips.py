"""Chips: what the cost model knows of GPUs, as published or measured for the whole chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chip:
    """A GPU: processors, bytes of shared memory a program may have, and rates in units a second.

    `products` are multiplications and additions by precision, `memory` bytes of memory, `cache` bytes of the cache
    that all processors share, `port` bytes that one processor gets out of it. `block` is how many elements of 32 bits
    a program's block has at most: larger ones spill registers, as compilations tell.
    """

    processors: int
    shared: int
    products: Mapping[str, float]
    memory: float
    cache: float
    port: float
    block: int


A100 = {"half": 265e12, "tf32": 132e12, "tf32x3": 44e12, "ieee": 16.6e12}
H100 = {"half": 798e12, "tf32": 399e12, "tf32x3": 133e12, "ieee": 56.9e12}
CHIPS = {
    "sm_80": Chip(108, 166912, A100, memory=1.6e12, cache=3.5e12, port=90e9, block=64 * 128),
    "sm_90": Chip(132, 232448, H100, memory=3.0e12, cache=5.5e12, port=110e9, block=128 * 128),
}


def chip_of(architecture: str) -> Chip:
    """The chip that an architecture's kernels are cut for: the like of it that is known."""
    return CHIPS["sm_80" if architecture in ("sm_80", "sm_86", "sm_89") else "sm_90"]
