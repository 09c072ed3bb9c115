"""Layers that draw random numbers when they train."""

from __future__ import annotations

import itertools
import math
from typing import Any

from tcaffe.frontend.layers.common import filled
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import pad, select, slice_

MOST_SAMPLED = 256  # elements of a window that one is drawn from: each is a value of the graph


@layer("Dropout")
def dropout(x: Node, p: LayerView) -> Node:
    """x where a coin falls so, scaled by what is kept on average, and 0 elsewhere; x itself when not training."""
    ratio = p.dropout_ratio
    note = "it is the part that is dropped: from 0 up to, not including, 1"
    p.require(0 <= ratio < 1, "dropout_ratio", f"dropout_ratio is {ratio}", note)
    if p.phase != "TRAIN" or ratio == 0:
        return x
    return select(filled(ratio, x) > p.random(x.shape), filled(0, x), x * (1 / (1 - ratio)))


def sampled(x: Node, windows: dict[str, Any], p: LayerView) -> Node:
    """An element of every window of `pool`, drawn with a probability that is its part of the window's sum.

    It is the first, row by row, up to which the sum reaches a part, drawn uniformly from (0, 1], of the whole.
    """
    size = windows["size"]
    message = f"a window of {list(size)} is too large to draw from"
    p.require(math.prod(size) <= MOST_SAMPLED, "pool", message, f"it may have {MOST_SAMPLED} elements")
    taps = _taps(x, windows)
    sums = list(itertools.accumulate(taps))
    wanted = sums[-1] * (1 - p.random(sums[-1].shape))
    chosen = taps[-1]
    for tap, total in zip(reversed(taps[:-1]), reversed(sums[:-1]), strict=True):
        chosen = select(wanted > total, chosen, tap)
    return chosen


def _taps(x: Node, windows: dict[str, Any]) -> list[Node]:
    """The first, second ... element of all windows, row by row; beyond the image there are zeros."""
    size, stride, pads = windows["size"], windows["stride"], windows["pad"]
    if any(map(any, pads)):
        x = pad(x, low=(0, 0, *(low for low, _ in pads)), high=(0, 0, *(high for _, high in pads)))
    last = [(n - k) // s * s + 1 for n, k, s in zip(x.shape[2:], size, stride, strict=True)]
    steps = (1, 1, *stride) if max(stride) > 1 else ()
    ends = (tuple(a + n for a, n in zip(at, last, strict=True)) for at in itertools.product(*map(range, size)))
    starts = itertools.product(*map(range, size))
    return [
        slice_(x, begin=(0, 0, *start), end=(*x.shape[:2], *end), stride=steps)
        for start, end in zip(starts, ends, strict=True)
    ]
