"""Layers that normalise, scale and shift."""

from __future__ import annotations

from tcaffe.frontend.layers.common import along, mean, others, softmax
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import broadcast, const, equal, pool, pow_, reshape, select, sqrt


@layer("BatchNorm")
def batch_norm(x: Node, p: LayerView) -> Node:
    """(x - mean) / sqrt(variance + eps), a channel at a time.

    The statistics are running sums over `factor` batches, or those of this batch.
    """
    p.axis_of(x, 1)
    for i, spec in enumerate(p.layer.param):
        p.require(spec.lr_mult == 0 or not spec.HasField("lr_mult"), "param", f"param {i} has lr_mult {spec.lr_mult}",
                  "the blobs of BatchNorm are statistics and are not learned: lr_mult must be 0")
    channels = (x.shape[1],)
    sums = [p.blob(role, shape, learned=False) for role, shape in (("mean", channels), ("var", channels), ("factor", (1,)))]
    use_global = p.use_global_stats if p.has("use_global_stats") else p.phase == "TEST"
    centre, variance = _running(*sums) if use_global else _of_batch(x)
    deviation = 1 / sqrt(variance + p.eps)
    return (x - along(centre, x, 1)) * along(deviation, x, 1)


def _running(total: Node, squares: Node, factor: Node) -> tuple[Node, Node]:
    """Mean and variance from sums that stand for `factor` batches; zeros when there was none."""
    none = const(value=0.0, shape=(1,))
    weight = reshape(select(equal(factor, 0), none, 1 / factor), shape=())
    return total * broadcast(weight, shape=total.shape), squares * broadcast(weight, shape=squares.shape)


def _of_batch(x: Node) -> tuple[Node, Node]:
    """Mean and (biased) variance of each channel."""
    axes = others(x, 1)
    centre = mean(x, *axes)
    off = x - along(centre, x, 1)
    return centre, mean(off * off, *axes)


@layer("Scale")
def scale(x: Node, factor: Node | None = None, *, p: LayerView) -> Node:
    """x times a factor that spans some of its axes, learned or a second bottom; plus a learned bias of that shape."""
    shape, axes = _span(x, factor, p)
    if factor is None:
        factor = p.blob("scale", shape, p.filler if p.has("filler") else p.constant(1))
    y = x * along(factor, x, *axes)
    return y + along(p.blob("b", shape, p.bias_filler), x, *axes) if p.bias_term else y


@layer("Bias")
def bias(x: Node, offset: Node | None = None, *, p: LayerView) -> Node:
    """x plus an offset that spans some of its axes, learned or a second bottom."""
    shape, axes = _span(x, offset, p)
    return x + along(offset or p.blob("b", shape, p.filler), x, *axes)


def _span(x: Node, given: Node | None, p: LayerView) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape of what scales or shifts x, and the axes of x it spans."""
    if given is not None and not given.shape or given is None and p.num_axes == 0:
        return (), ()
    axis = p.axis_of(x)
    p.require(p.num_axes >= -1, "num_axes", f"num_axes is {p.num_axes}", "-1 stands for all axes from `axis` on")
    count = len(given.shape) if given else p.num_axes if p.num_axes >= 0 else len(x.shape) - axis
    p.require(axis + count <= len(x.shape), "num_axes" if given is None else "axis",
              f"{count} axes from axis {axis} on are more than a blob of shape {list(x.shape)} has")
    shape = x.shape[axis : axis + count]
    p.require(given is None or given.shape == shape, "axis",
              f"the second bottom has shape {list(given.shape) if given else []}, the first has {list(shape)} there",
              f"it must match the axes of the first bottom from axis {axis} on")
    return shape, tuple(range(axis, axis + count))


@layer("LRN")
def local_response(x: Node, p: LayerView) -> Node:
    """x over a power of the mean square around it: across neighbouring channels, or around it in its channel."""
    p.require(len(x.shape) == 4, "", f"LRN takes a bottom of 4 axes, not {len(x.shape)}")
    size = p.local_size
    p.require(size % 2 == 1, "local_size", f"local_size is {size}", "it must be odd, to have a middle")
    p.require(size < 2**31, "local_size", f"local_size {size} is too large")
    axes, kind = ((1,), "sum") if p.norm_region == "ACROSS_CHANNELS" else ((2, 3), "average")
    n = len(axes)
    around = pool(x * x, kind=kind, axes=axes, size=(size,) * n, stride=(1,) * n, pad=((size // 2, size // 2),) * n)
    if kind == "sum":
        return x * pow_(around * (p.alpha / size) + p.k, -p.beta)
    return x * pow_(around * p.alpha + 1, -p.beta)


@layer("MVN")
def mean_variance(x: Node, p: LayerView) -> Node:
    """x less its mean, over its deviation plus eps; an image plane at a time, or all channels together."""
    p.require(1 <= len(x.shape) <= 4, "", f"MVN takes a bottom of 1 to 4 axes, not {len(x.shape)}")
    x = reshape(x, shape=(*x.shape, 1, 1, 1)[:4]) if len(x.shape) < 4 else x
    kept = (0,) if p.across_channels else (0, 1)
    axes = others(x, *kept)
    off = x - along(mean(x, *axes), x, *kept)
    if not p.normalize_variance:
        return off
    return off / along(sqrt(mean(off * off, *axes)) + p.eps, x, *kept)


@layer("Softmax")
def softmax_layer(x: Node, p: LayerView) -> Node:
    """e^x over its sum along p.axis."""
    return softmax(x, p.axis_of(x))
