"""Lifetimes as nets have them, and random ones."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tcaffe.passes.planner import Buffer, Problem


def chain(n: int, rng: random.Random) -> Problem:
    """A plain net: every value read by the next kernel."""
    return Problem(tuple(Buffer(f"v{k}", rng.randrange(1, 4096) * 64, k, k + 2) for k in range(n)))


def residual(n: int, rng: random.Random) -> Problem:
    """Every third value is read again three kernels later."""
    return Problem(
        tuple(Buffer(f"v{k}", rng.randrange(1, 4096) * 64, k, k + (5 if k % 3 == 0 else 2)) for k in range(n))
    )


def dense(n: int, rng: random.Random) -> Problem:
    """Blocks of six in which every value lives to the end of the block."""
    return Problem(tuple(Buffer(f"v{k}", rng.randrange(1, 512) * 64, k, (k // 6 + 1) * 6 + 1) for k in range(n)))


def hourglass(n: int, rng: random.Random) -> Problem:
    """A U-Net: the first values are read again in reverse order."""
    sizes = [rng.randrange(1, 4096) * 64 for _ in range(n)]
    return Problem(tuple(Buffer(f"v{k}", sizes[k], k, 2 * n - k) for k in range(n)))


SHAPES = (chain, residual, dense, hourglass)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Anything, zero sizes and zero lifetimes included."""
    buffers = []
    for k in range(draw(st.integers(0, 24))):
        start = draw(st.integers(0, 12))
        buffers.append(Buffer(f"b{k}", draw(st.integers(0, 600)), start, start + draw(st.integers(0, 6))))
    return Problem(tuple(buffers), alignment=draw(st.sampled_from([1, 64])))
