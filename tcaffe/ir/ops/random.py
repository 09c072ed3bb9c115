"""Random numbers that are a function of what is asked for: no generator, no state, the same bits on every target.

The function is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011): ten
rounds that mix a counter of four words with a key of two, all of 32 bits.
"""

from __future__ import annotations

import math

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import TensorType, require

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
WORD = 1 << 32
DROPPED_BITS = 8
UNIT = 2.0**-24
"""What the 24 bits kept of a word count by: as many as an f32 holds exactly."""


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """The four words (uint64 below 2**32) of each column of `counter` [4, n], mixed under `key`."""
    a, b, c, d = counter.astype(np.uint64)
    mask, half = np.uint64(WORD - 1), np.uint64(32)
    for number in range(ROUNDS):
        low, high = (np.uint64((k + number * step) % WORD) for k, step in zip(key, KEY_STEPS, strict=True))
        x, y = a * np.uint64(MULTIPLIERS[0]), c * np.uint64(MULTIPLIERS[1])
        a, b, c, d = (y >> half) ^ b ^ low, y & mask, (x >> half) ^ d ^ high, x & mask
    return np.stack([a, b, c, d])


def words_of(number: int) -> tuple[int, int]:
    """The low and the high word of a number of 64 bits, negative ones as two's complement."""
    return number % WORD, number // WORD % WORD


def _random(key: np.ndarray, shape: tuple[int, ...], stream: int) -> np.ndarray:
    seed, step = map(int, key)
    size = math.prod(shape)
    blocks = np.arange(-(-size // 4), dtype=np.uint64)
    others = (np.full_like(blocks, word) for word in (stream, *words_of(step)))
    words = philox(np.stack([blocks, *others]), words_of(seed)).T.ravel()[:size]
    return ((words >> np.uint64(DROPPED_BITS)) * UNIT).astype(np.float32).reshape(shape)


@core_op("random", reference=_random)
def random(key: TensorType, *, shape: tuple[int, ...], stream: int) -> TensorType:
    """Uniform numbers in [0, 1) for key = (seed, step); every `stream` has its own.

    Element i (row-major) is the upper 24 bits of word i % 4 of the Philox block with counter (i // 4, stream, step)
    and key seed, over 2**24: any part can be computed by itself.
    """
    require(key.shape == (2,) and key.dtype == "i64", f"random takes a key i64[2] (seed, step), not {key}")
    require(0 <= stream < WORD, f"stream {stream} is not a number of 32 bits")
    require(all(n >= 0 for n in shape) and math.prod(shape) <= 4 * WORD, f"{list(shape)} is not a shape")
    return TensorType(tuple(shape))
