"""Pooling layers: a maximum, mean or other summary of every window of an image."""

from __future__ import annotations

from typing import Any

from tcaffe.frontend.layers.common import along, filled
from tcaffe.frontend.layers.geometry import read_pair, read_sides
from tcaffe.frontend.layers.random import sampled
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import concat, const, pad, pool, reshape, select
from tcaffe.ir.ops.window import LOWEST

Ints = tuple[int, ...]
Windows = dict[str, Any]


@layer("Pooling", tops=(1, 2))
def pooling(x: Node, p: LayerView) -> Node | tuple[Node, ...]:
    """The maximum, mean or stochastic mean of every window; a second top holds where each maximum was found.

    Padding counts in a mean as zeros, but not what a window hangs over further. AVE_EXC_PAD, or avg_include_pad: false
    (fields of forks), is the mean of what is not padding.
    """
    p.require_axes(x, 4, 4)
    kind = p.foreign("pool", p.pool)
    p.require(p.tops == 1 or kind == "MAX", "pool", "only MAX pooling has a second top")
    size, stride, low, high = _global(x, p) if p.global_pooling else _sliding(p)
    windows = _windows(x, p, size, stride, low, high, ceil=_rounds_up(p))
    inside = kind == "AVE_EXC_PAD" or (not p.foreign("avg_include_pad", True) and kind == "AVE")
    if p.tops == 2:
        return _with_places(x, windows)
    return _mean_inside(x, windows) if inside else _pooled(x, p, kind, windows, high)


@layer("SPP")
def spatial_pyramid(x: Node, p: LayerView) -> Node:
    """Poolings into 1, 4, 16 ... bins, one after the other, so that an image of any size gives as many features."""
    p.require_axes(x, 4, 4)
    levels = [_pyramid_level(x, p, 2**level) for level in range(p.positive("pyramid_height"))]
    if len(levels) == 1:
        return levels[0]
    return concat(*(reshape(y, shape=(x.shape[0], y.type.size // x.shape[0])) for y in levels), axis=1)


def _pyramid_level(x: Node, p: LayerView, bins: int) -> Node:
    """x pooled into `bins` by `bins` windows of one size; half of what is missing is padded on each side."""
    size = tuple(-(-n // bins) for n in x.shape[2:])
    around = tuple((k * bins - n + 1) // 2 for n, k in zip(x.shape[2:], size, strict=True))
    fits = all(q < k for q, k in zip(around, size, strict=True))
    p.require(fits, "pyramid_height", f"an image of {list(x.shape[2:])} cannot be cut into {bins} bins along each axis")
    return _pooled(x, p, p.pool, _windows(x, p, size, size, around, around, ceil=True), around)


def _pooled(x: Node, p: LayerView, kind: str, windows: Windows, high: Ints) -> Node:
    """One summary of every window. STOCHASTIC, when not training, is the mean weighted by the elements themselves."""
    if kind == "STOCHASTIC" and p.phase == "TRAIN":
        return sampled(x, windows, p)
    if kind == "STOCHASTIC":
        total = pool(x, kind="sum", **windows)
        return select(total > 0, pool(x * x, kind="sum", **windows) / total, filled(0, total))
    return pool(x, kind="max", **windows) if kind == "MAX" else _mean(x, windows, high)


def _mean(x: Node, windows: Windows, high: Ints) -> Node:
    """The mean of every window; the padding counts, which is `high` at the end, but not what hangs over further."""
    low = tuple(before for before, _ in windows["pad"])
    if low == high:
        return pool(x, kind="average", **windows)
    rest = tuple((0, max(0, reach - after)) for (_, reach), after in zip(windows["pad"], high, strict=True))
    return pool(pad(x, low=(0, 0, *low), high=(0, 0, *high)), kind="average", **windows | {"pad": rest})


def _mean_inside(x: Node, windows: Windows) -> Node:
    """The mean of those elements of every window that are not padding."""
    if not any(before for before, _ in windows["pad"]):
        return pool(x, kind="average", **windows)
    count = pool(const(value=1, shape=(1, 1, *x.shape[2:]), dtype=x.type.dtype), kind="sum", **windows)
    total = pool(x, kind="sum", **windows)
    return total / along(reshape(count, shape=count.shape[2:]), total, 2, 3)


def _with_places(x: Node, windows: Windows) -> tuple[Node, Node]:
    """The maximum of every window and its row-major place in the image; -1 where a window holds nothing."""
    highest, place = pool(x, kind="max", **windows), pool(x, kind="argmax", **windows)
    rows = zip(x.shape[2:], highest.shape[2:], windows["stride"], windows["pad"], strict=True)
    if all((places - 1) * step - low < n for n, places, step, (low, _) in rows):
        return highest, place
    return highest, select(highest > LOWEST, place, filled(-1, highest))


def _windows(x: Node, p: LayerView, size: Ints, stride: Ints, low: Ints, high: Ints, *, ceil: bool) -> Windows:
    """The windows as `pool` wants them: padded at the end as far as the last window reaches."""
    padded = any((*low, *high))
    if p.pool == "STOCHASTIC":
        p.require(not padded, "pool", "STOCHASTIC pooling takes no padding")
    for around in (low, high):
        smaller = not padded or all(q < k for q, k in zip(around, size, strict=True))
        message, note = f"padding of {list(around)} for windows of {list(size)}", "it must be smaller than the window"
        p.require(smaller, "pad", message, note)
    pairs = []
    for n, k, s, q, after in zip(x.shape[2:], size, stride, low, high, strict=True):
        room = q + n + after - k
        last = -(-room // s) if ceil else room // s
        if padded and last * s >= n + q:  # the last window must start inside the image or its leading padding
            last -= 1
        p.require(
            last >= 0, "kernel_size", f"a window of {list(size)} does not fit into an image of {list(x.shape[2:])}"
        )
        pairs.append((q, max(0, last * s + k - n - q)))
    p.sized((*x.shape[:2], *(n + low + high for n, (low, high) in zip(x.shape[2:], pairs, strict=True))))
    return {"axes": (2, 3), "size": size, "stride": stride, "pad": tuple(pairs)}


def _rounds_up(p: LayerView) -> bool:
    """Whether a last window that only partly lies on the image counts: round_mode, or ceil_mode as forks call it."""
    ceil: bool = p.round_mode == "CEIL"
    chosen = p.foreign("ceil_mode", ceil)
    agrees = chosen == ceil or not p.has("round_mode")
    p.require(agrees, "ceil_mode", f"ceil_mode is {str(chosen).lower()}, but round_mode is {p.round_mode}")
    return chosen


def _global(x: Node, p: LayerView) -> tuple[Ints, Ints, Ints, Ints]:
    """One window over the whole image; nothing may say otherwise."""
    neutral = {"pad": 0, "pad_h": 0, "pad_w": 0, "stride": 1, "stride_h": 1, "stride_w": 1}
    for field in ("kernel_size", "kernel_h", "kernel_w", *neutral):
        plain = not p.has(field) or getattr(p, field) == neutral.get(field)
        p.require(plain, field, f"both global_pooling and {field} are given", "the window is the whole image")
    read_sides(p, refusal="with global_pooling the window is the whole image")
    return x.shape[2:], (1, 1), (0, 0), (0, 0)


def _sliding(p: LayerView) -> tuple[Ints, Ints, Ints, Ints]:
    """The size, stride and padding before and after of the windows; each for the height and for the width."""
    size, stride, around = (read_pair(p, field) for field in ("kernel_size", "stride", "pad"))
    note = "give either kernel_size, or both kernel_h and kernel_w"
    p.require(min(size) > 0, "kernel_size", "the window needs a size of at least 1", note)
    p.require(min(stride) > 0, "stride", "stride must be at least 1, not 0")
    low, high = read_sides(p) or (around, around)
    return size, stride, low, high
