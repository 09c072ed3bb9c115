"""What things cost on one core of a CPU with AVX2: seconds, from measurements of numpy 2.4 with OpenBLAS 0.3.31.

Measured on an AMD EPYC (Zen 3) with 512 KiB of second-level cache a core. Other machines differ in every figure,
but the choices depend on ratios alone, which differ far less.
"""

from __future__ import annotations

CALL = 1.2e-6
"""A numpy call on small operands, with the views it takes."""
DISPATCH = 8e-6
"""Handing one kernel to a pool that is awake, and waiting for the last worker."""
PEAK = 95e9
"""Floating-point operations per second of a large matrix product."""
GATHER = 0.20e-9
"""Copying one float of a window, the source in runs of a few dozen floats."""
TRANSFORM_IN = 0.86e-9
TRANSFORM_OUT = 0.55e-9
SCATTER = 0.3e-9
"""Winograd, a float: both products with B^T, both with A^T, a result put to its place."""
OVERLAP = 0.9e-9
"""Adding one float of a window of products to where the windows overlap."""
SUM_OF_PRODUCTS = 0.2e-9
"""Depthwise, a product: einsum over long runs."""
FETCH = 0.2e-9
"""Reading a weight from memory, where no other block has just read it."""
PASS = 0.12e-9
"""A pointwise operation on one float in the second-level cache."""
NEAR, FAR = 1 << 20, 4 << 20
"""Bytes a worker goes through over and over: up to the first they count as near, beyond the second as memory."""
SCRATCH = 6 << 20
"""Bytes of scratch memory a worker may have."""


def gemm(rows: int, depth: int, columns: int) -> float:
    """A matrix product [rows, depth] x [depth, columns]; small sides are padded and packed in vain."""
    efficiency = rows / (rows + 9) * columns / (columns + 9) * depth / (depth + 10)
    return CALL + 2 * rows * depth * columns / (PEAK * efficiency) + depth * columns * FETCH


def distance(size: int) -> float:
    """How many times longer a pass over `size` bytes takes than one in the second-level cache."""
    return 1.0 if size <= NEAR else 1.5 if size <= FAR else 2.5


def spread(tasks: int, each: float, workers: int) -> float:
    """Equal tasks over workers."""
    if tasks <= 1:
        return each
    return DISPATCH + -(-tasks // workers) * (each + 4 * CALL)
