"""Pooling layers: a maximum, mean or other summary of every window of an image."""

from __future__ import annotations

from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import concat, const, pool, reshape, select
from tcaffe.ir.ops.window import LOWEST

Ints = tuple[int, ...]
Windows = dict[str, tuple[object, ...]]


@layer("Pooling", tops=(1, 2))
def pooling(x: Node, p: LayerView) -> Node | tuple[Node, ...]:
    """The maximum, mean or stochastic mean of every window; a second top holds where each maximum was found."""
    _check_image(x, p)
    p.require(p.tops == 1 or p.pool == "MAX", "pool", "only MAX pooling has a second top")
    size, stride, pad = _global(x, p) if p.global_pooling else _sliding(p)
    windows = _windows(x, p, size, stride, pad, ceil=p.round_mode == "CEIL")
    return _pooled(x, p.pool, windows) if p.tops == 1 else _with_places(x, windows)


@layer("SPP")
def spatial_pyramid(x: Node, p: LayerView) -> Node:
    """Poolings into 1, 4, 16 ... bins, one after the other, so that an image of any size gives as many features."""
    _check_image(x, p)
    p.require(p.pyramid_height > 0, "pyramid_height", "pyramid_height must be at least 1")
    levels = [_pyramid_level(x, p, 2**level) for level in range(min(p.pyramid_height, 32))]
    if len(levels) == 1:
        return levels[0]
    return concat(*(reshape(y, shape=(x.shape[0], y.type.size // x.shape[0])) for y in levels), axis=1)


def _pyramid_level(x: Node, p: LayerView, bins: int) -> Node:
    """x pooled into `bins` by `bins` windows of one size; what is missing on the right is padded half on each side."""
    size = tuple(-(-n // bins) for n in x.shape[2:])
    pad = tuple((k * bins - n + 1) // 2 for n, k in zip(x.shape[2:], size, strict=True))
    p.require(all(q < k for q, k in zip(pad, size, strict=True)), "pyramid_height",
              f"an image of {list(x.shape[2:])} cannot be cut into {bins} bins an axis")
    return _pooled(x, p.pool, _windows(x, p, size, size, pad, ceil=True))


def _pooled(x: Node, kind: str, windows: Windows) -> Node:
    """One summary of every window. STOCHASTIC, when not training, is the mean weighted by the elements themselves."""
    if kind == "STOCHASTIC":
        total = pool(x, kind="sum", **windows)
        return select(total > 0, pool(x * x, kind="sum", **windows) / total, const(value=0.0, shape=total.shape))
    return pool(x, kind="max" if kind == "MAX" else "average", **windows)


def _with_places(x: Node, windows: Windows) -> tuple[Node, Node]:
    """The maximum of every window and its row-major place in the image; -1 where a window holds nothing."""
    highest = pool(x, kind="max", **windows)
    return highest, select(highest > LOWEST, pool(x, kind="argmax", **windows), const(value=-1.0, shape=highest.shape))


def _windows(x: Node, p: LayerView, size: Ints, stride: Ints, pad: Ints, *, ceil: bool) -> Windows:
    """The windows as `pool` wants them: padded at the end as far as the last window reaches."""
    if any(pad):
        p.require(p.pool != "STOCHASTIC", "pool", "STOCHASTIC pooling takes no padding")
        p.require(all(q < k for q, k in zip(pad, size, strict=True)), "pad", f"padding of {list(pad)} for windows of {list(size)}",
                  "padding must be smaller than the window")
    pairs = []
    for n, k, s, q in zip(x.shape[2:], size, stride, pad, strict=True):
        places = (-(-(n + 2 * q - k) // s) if ceil else (n + 2 * q - k) // s) + 1
        if any(pad) and (places - 1) * s >= n + q:  # the last window must start inside the image or its leading padding
            places -= 1
        p.require(places > 0, "kernel_size", f"a window of {list(size)} does not fit into an image of {list(x.shape[2:])}")
        pairs.append((q, max(0, (places - 1) * s + k - n - q)))
    p.sized((*x.shape[:2], *(n + a + b for n, (a, b) in zip(x.shape[2:], pairs, strict=True))))
    return {"axes": (2, 3), "size": size, "stride": stride, "pad": tuple(pairs)}


def _global(x: Node, p: LayerView) -> tuple[Ints, Ints, Ints]:
    """One window over the whole image."""
    for field in ("kernel_size", "kernel_h", "kernel_w"):
        p.require(not p.has(field), field, f"global_pooling and {field} are both given",
                  "with global_pooling the window is the whole image")
    for field, value in ("pad", 0), ("pad_h", 0), ("pad_w", 0), ("stride", 1):
        p.require(getattr(p, field) == value, field, f"global_pooling with a {field} of {getattr(p, field)}",
                  "with global_pooling the window is the whole image")
    p.require(all(not p.has(f) or getattr(p, f) == 1 for f in ("stride_h", "stride_w")), "stride_h", "global_pooling has no stride")
    return x.shape[2:], (1, 1), (0, 0)


def _sliding(p: LayerView) -> tuple[Ints, Ints, Ints]:
    """The size, stride and padding of the windows; each is one number, or one for the height and one for the width."""
    p.require(p.has("kernel_size") != (p.has("kernel_h") and p.has("kernel_w")), "kernel_size",
              "the size of the window is not clear", "give either kernel_size, or both kernel_h and kernel_w")
    size, stride, pad = _pair(p, "kernel_size", "kernel"), _pair(p, "stride", "stride"), _pair(p, "pad", "pad")
    p.require(min(size) > 0, "kernel_size", "a window cannot have a size of 0")
    p.require(min(stride) > 0, "stride", "a stride cannot be 0")
    return size, stride, pad


def _pair(p: LayerView, field: str, stem: str) -> Ints:
    """A field as two numbers, from its one form or from its `_h` and `_w` form."""
    height, width = f"{stem}_h", f"{stem}_w"
    if p.has(field) or not (p.has(height) or p.has(width)):
        apart = [f for f in (height, width) if p.has(f)] if field != "kernel_size" else []
        p.require(not apart, field, f"both {field} and {(apart or [''])[0]} are given", "use one of the two forms")
        return (getattr(p, field),) * 2
    p.require(p.has(height) and p.has(width), height, f"{height} and {width} must be given together")
    return getattr(p, height), getattr(p, width)


def _check_image(x: Node, p: LayerView) -> None:
    p.require(len(x.shape) == 4, "", f"{p.kind.name} takes a bottom of 4 axes, not {len(x.shape)}",
              "they stand for item, channel, height and width")
