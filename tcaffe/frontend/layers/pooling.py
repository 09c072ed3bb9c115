"""Pooling layers: a maximum, mean or other summary of every window of an image."""

from __future__ import annotations

from typing import Any

from tcaffe.frontend.layers.common import filled
from tcaffe.frontend.layers.geometry import read_pair
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import concat, pool, reshape, select
from tcaffe.ir.ops.window import LOWEST

Ints = tuple[int, ...]
Windows = dict[str, Any]


@layer("Pooling", tops=(1, 2))
def pooling(x: Node, p: LayerView) -> Node | tuple[Node, ...]:
    """The maximum, mean or stochastic mean of every window; a second top holds where each maximum was found."""
    p.require_axes(x, 4, 4)
    p.require(p.tops == 1 or p.pool == "MAX", "pool", "only MAX pooling has a second top")
    size, stride, pad = _global(x, p) if p.global_pooling else _sliding(p)
    windows = _windows(x, p, size, stride, pad, ceil=p.round_mode == "CEIL")
    return _pooled(x, p.pool, windows) if p.tops == 1 else _with_places(x, windows)


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
    pad = tuple((k * bins - n + 1) // 2 for n, k in zip(x.shape[2:], size, strict=True))
    fits = all(q < k for q, k in zip(pad, size, strict=True))
    p.require(fits, "pyramid_height", f"an image of {list(x.shape[2:])} cannot be cut into {bins} bins along each axis")
    return _pooled(x, p.pool, _windows(x, p, size, size, pad, ceil=True))


def _pooled(x: Node, kind: str, windows: Windows) -> Node:
    """One summary of every window. STOCHASTIC, when not training, is the mean weighted by the elements themselves."""
    if kind == "STOCHASTIC":
        total = pool(x, kind="sum", **windows)
        return select(total > 0, pool(x * x, kind="sum", **windows) / total, filled(0, total))
    return pool(x, kind="max" if kind == "MAX" else "average", **windows)


def _with_places(x: Node, windows: Windows) -> tuple[Node, Node]:
    """The maximum of every window and its row-major place in the image; -1 where a window holds nothing."""
    highest, place = pool(x, kind="max", **windows), pool(x, kind="argmax", **windows)
    rows = zip(x.shape[2:], highest.shape[2:], windows["stride"], windows["pad"], strict=True)
    if all((places - 1) * step - low < n for n, places, step, (low, _) in rows):
        return highest, place
    return highest, select(highest > LOWEST, place, filled(-1, highest))


def _windows(x: Node, p: LayerView, size: Ints, stride: Ints, pad: Ints, *, ceil: bool) -> Windows:
    """The windows as `pool` wants them: padded at the end as far as the last window reaches."""
    if p.pool == "STOCHASTIC":
        p.require(not any(pad), "pool", "STOCHASTIC pooling takes no padding")
        p.require(p.phase == "TEST", "pool", "STOCHASTIC pooling cannot be compiled for training yet")
    smaller = not any(pad) or all(q < k for q, k in zip(pad, size, strict=True))
    p.require(
        smaller, "pad", f"padding of {list(pad)} for windows of {list(size)}", "it must be smaller than the window"
    )
    pairs = []
    for n, k, s, q in zip(x.shape[2:], size, stride, pad, strict=True):
        last = -(-(n + 2 * q - k) // s) if ceil else (n + 2 * q - k) // s
        if any(pad) and last * s >= n + q:  # the last window must start inside the image or its leading padding
            last -= 1
        p.require(
            last >= 0, "kernel_size", f"a window of {list(size)} does not fit into an image of {list(x.shape[2:])}"
        )
        pairs.append((q, max(0, last * s + k - n - q)))
    p.sized((*x.shape[:2], *(n + low + high for n, (low, high) in zip(x.shape[2:], pairs, strict=True))))
    return {"axes": (2, 3), "size": size, "stride": stride, "pad": tuple(pairs)}


def _global(x: Node, p: LayerView) -> tuple[Ints, Ints, Ints]:
    """One window over the whole image; nothing may say otherwise."""
    neutral = {"pad": 0, "pad_h": 0, "pad_w": 0, "stride": 1, "stride_h": 1, "stride_w": 1}
    for field in ("kernel_size", "kernel_h", "kernel_w", *neutral):
        plain = not p.has(field) or getattr(p, field) == neutral.get(field)
        p.require(plain, field, f"both global_pooling and {field} are given", "the window is the whole image")
    return x.shape[2:], (1, 1), (0, 0)


def _sliding(p: LayerView) -> tuple[Ints, Ints, Ints]:
    """The size, stride and padding of the windows; each is one number, or one for the height and one for the width."""
    size, stride, pad = (read_pair(p, field) for field in ("kernel_size", "stride", "pad"))
    note = "give either kernel_size, or both kernel_h and kernel_w"
    p.require(min(size) > 0, "kernel_size", "the window needs a size of at least 1", note)
    p.require(min(stride) > 0, "stride", "stride must be at least 1, not 0")
    return size, stride, pad
