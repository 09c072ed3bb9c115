"""Layers that normalise, scale and shift."""

from __future__ import annotations

from tcaffe.frontend.layers.common import along, filled, mean, others, reshaped, softmax
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import MOST_AXES, LayerView, Shape
from tcaffe.ir.node import Node
from tcaffe.ir.ops import broadcast, detach, equal, pool, pow_, reduce_sum, reshape, select, sqrt


@layer("BatchNorm")
def batch_norm(x: Node, p: LayerView) -> Node:
    """(x - mean) / sqrt(variance + eps), a channel at a time.

    The statistics are running sums over `factor` batches, or those of this batch, which are then added to the sums.
    """
    p.require_axes(x, 2, MOST_AXES)
    note = "these blobs are statistics and are not learned: their lr_mult must be 0"
    for i, spec in enumerate(p.layer.param):
        p.require(spec.lr_mult == 0, "param", f"param {i} has lr_mult {spec.lr_mult:g}", note)
    shapes = {"mean": x.shape[1:2], "var": x.shape[1:2], "factor": (1,)}
    sums = [p.blob(role, shape, learned=False) for role, shape in shapes.items()]
    use_global = p.use_global_stats if p.has("use_global_stats") else p.phase == "TEST"
    centre, variance = _running(*sums) if use_global else _of_batch(x)
    if not use_global:
        count = x.type.size // x.shape[1]
        unbiased = variance * (count / (count - 1) if count > 1 else 1.0)
        for total, new in zip(sums, (centre, unbiased, filled(1, sums[2])), strict=True):
            p.update(total, total * p.moving_average_fraction + new)
    deviation = 1 / sqrt(variance + p.eps)
    return (x - along(centre, x, 1)) * along(deviation, x, 1)


def _running(total: Node, squares: Node, factor: Node) -> tuple[Node, Node]:
    """Mean and variance from sums that stand for `factor` batches; zeros when there was none."""
    weight = reshape(select(equal(factor, 0), filled(0, factor), 1 / factor), shape=())
    return total * broadcast(weight, shape=total.shape), squares * broadcast(weight, shape=squares.shape)


def _of_batch(x: Node) -> tuple[Node, Node]:
    """Mean and (biased) variance of each channel. The variance has no slope in its centre where that is the mean."""
    axes = others(x, 1)
    centre = mean(x, *axes)
    off = x - along(detach(centre), x, 1)
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
    if offset is None:
        offset = p.blob("b", shape, p.filler)
    return x + along(offset, x, *axes)


def _span(x: Node, given: Node | None, p: LayerView) -> tuple[Shape, tuple[int, ...]]:
    """The shape of what scales or shifts x, and the axes of x it spans."""
    if (p.num_axes == 0) if given is None else (given.shape == ()):
        return (), ()
    axis = p.axis_of(x)
    shape = _learned_shape(x, axis, p) if given is None else given.shape
    note = f"it must match the axes of the first bottom from axis {axis} on"
    matches = shape == x.shape[axis : axis + len(shape)]
    p.require(matches, "", f"bottom 0 has shape {list(x.shape)}, bottom 1 has {list(shape)}", note)
    return shape, tuple(range(axis, axis + len(shape)))


def _learned_shape(x: Node, axis: int, p: LayerView) -> Shape:
    """The sizes of the p.num_axes axes from `axis` on."""
    p.require(p.num_axes >= -1, "num_axes", f"num_axes is {p.num_axes}", "-1 stands for all axes from `axis` on")
    last = len(x.shape) if p.num_axes == -1 else axis + p.num_axes
    fits = last <= len(x.shape)
    p.require(fits, "num_axes", f"a blob of shape {list(x.shape)} has no {p.num_axes} axes from axis {axis} on")
    return x.shape[axis:last]


@layer("LRN")
def local_response(x: Node, p: LayerView) -> Node:
    """x over a power of the mean square around it: across neighbouring channels, or around it in its channel."""
    p.require_axes(x, 4, 4)
    size = p.local_size
    p.require(size % 2 == 1, "local_size", f"local_size is {size}", "it must be odd, to have a middle")
    across = p.norm_region == "ACROSS_CHANNELS"
    axes = (1,) if across else (2, 3)
    mean_square = _squares_around(x, axes, size) * (p.alpha / size ** len(axes))
    return x * pow_(mean_square + (p.k if across else 1), -p.beta)


def _squares_around(x: Node, axes: tuple[int, ...], size: int) -> Node:
    """The sum of the squares in a window of `size` around each element; further than the far end it need not reach."""
    reach = [min(size // 2, x.shape[a] - 1) for a in axes]
    sizes, pads, ones = [2 * r + 1 for r in reach], [(r, r) for r in reach], [1 for _ in axes]
    return pool(x * x, kind="sum", axes=axes, size=sizes, stride=ones, pad=pads)


@layer("Normalize", param="norm_param")
def normalize(x: Node, p: LayerView) -> Node:
    """x over the length of its channels at each place, or of its whole item, times a learned scale; from SSD."""
    p.require_axes(x, 2, 4)
    axes = others(x, 0) if p.foreign("across_spatial", True) else (1,)
    shape, scaled_axes = ((), ()) if p.foreign("channel_shared", True) else (x.shape[1:2], (1,))
    factor = p.blob("scale", shape, p.foreign("scale_filler", p.constant(1)))
    length = sqrt(reduce_sum(x * x, axes=axes) + p.foreign("eps", 1e-10))
    return x / along(length, x, *others(x, *axes)) * along(factor, x, *scaled_axes)


@layer("MVN")
def mean_variance(x: Node, p: LayerView) -> Node:
    """x less its mean, over its deviation plus eps; an image plane at a time, or all channels together."""
    p.require_axes(x, 1, 4)
    x = reshaped(x, (*x.shape, 1, 1, 1)[:4])
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
