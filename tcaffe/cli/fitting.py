"""The largest batch that fits into so many bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

MOST = 2**20  # no batch beyond is tried


def largest_batch(total: Callable[[int], int | None], limit: int) -> int:
    """The largest batch whose `total` bytes are within `limit`; 0 if not even one item fits.

    `total` is None for a batch that cannot be compiled. It grows with the batch, nearly as a straight line: the search
    goes where the line through the last batch that fits reaches the limit and, every other time, halfway, as the line
    is not quite straight.
    """
    one = total(1)
    if one is None or one > limit:
        return 0
    low, most, high, probe = 1, one, MOST + 1, 2
    for turn in count():
        if high - low <= 1:
            break
        size = total(probe)
        if size is not None and size <= limit:
            low, most = probe, size
        else:
            high = probe
        an_item = max((most - one) // max(low - 1, 1), 1)
        halfway = (low + high) // 2 if high <= MOST else 2 * low
        probe = halfway if turn % 2 else low + (limit - most) // an_item
        probe = min(max(probe, low + 1), high - 1)
    return low
