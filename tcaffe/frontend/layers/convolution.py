"""Layers of learned linear maps: convolutions, inner products, embeddings; and im2col."""

from __future__ import annotations

import math

from tcaffe.frontend.layers.common import along
from tcaffe.frontend.layers.geometry import Window, read_window
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import cast, conv, conv_dx, dot, gather, iota, pad, reshape, transpose


@layer("Convolution", tops=(1, None), paired=True)
def convolution(x: Node, *others: Node, p: LayerView) -> tuple[Node, ...]:
    """Cross-correlation of every bottom with the same p.num_output filters, plus a bias a filter."""
    axis, window = _read(x, others, p)
    channels = x.shape[axis]
    w = p.blob("w", (p.num_output, channels // p.group, *window.kernel), p.weight_filler)
    bias = _bias(p)
    out = _fitting(p, x.shape[axis + 1 :], window, window.positions(x.shape[axis + 1 :]))
    p.sized((*x.shape[:axis], p.num_output, *out))

    def convolve(image: Node) -> Node:
        """One bottom."""
        y = conv(_as_items(image, axis), w, stride=window.stride, pad=window.pad, dilation=window.dilation, groups=p.group)
        return _from_items(_biased(y, bias), image, axis)

    return tuple(map(convolve, (x, *others)))


@layer("Deconvolution", param="convolution_param", tops=(1, None), paired=True)
def deconvolution(x: Node, *others: Node, p: LayerView) -> tuple[Node, ...]:
    """The transpose of a convolution: every element spreads through its filters, plus a bias an output channel."""
    axis, window = _read(x, others, p)
    w = p.blob("w", (x.shape[axis], p.num_output // p.group, *window.kernel), p.weight_filler)
    bias = _bias(p)
    out = window.spread(x.shape[axis + 1 :])
    p.require(min(out, default=1) > 0, "pad", f"the padding leaves an image of {list(out)}")
    p.sized((*x.shape[:axis], p.num_output, *out))

    def spread(image: Node) -> Node:
        """One bottom."""
        items = _as_items(image, axis)
        y = conv_dx(items, w, stride=window.stride, pad=window.pad, dilation=window.dilation, groups=p.group,
                    shape=(items.shape[0], p.num_output, *out))
        return _from_items(_biased(y, bias), image, axis)

    return tuple(map(spread, (x, *others)))


@layer("InnerProduct")
def inner_product(x: Node, p: LayerView) -> Node:
    """Every item, flattened from p.axis on, times a matrix of p.num_output rows, plus a bias a row."""
    axis = p.axis_of(x)
    rows, columns, outputs = math.prod(x.shape[:axis]), math.prod(x.shape[axis:]), p.num_output
    p.require(outputs > 0, "num_output", "num_output must be at least 1")
    w = p.blob("w", (columns, outputs) if p.transpose else (outputs, columns), p.weight_filler)
    bias = _bias(p)
    y = dot(_reshaped(x, (rows, columns)), w if p.transpose else transpose(w, order=(1, 0)))
    return _reshaped(_biased(y, bias), (*x.shape[:axis], outputs))


@layer("Embed")
def embed(x: Node, p: LayerView) -> Node:
    """The row of a learned table that each element of x names, plus a bias a column."""
    p.require(p.num_output > 0, "num_output", "num_output must be at least 1")
    p.require(p.input_dim > 0, "input_dim", "input_dim must be at least 1", "it is the number of rows of the table")
    w = p.blob("w", (p.input_dim, p.num_output), p.weight_filler)
    bias = _bias(p)
    y = gather(w, cast(x, dtype="i32"), axis=0)
    return _biased(y, bias, axis=len(x.shape))


@layer("Im2col", param="convolution_param")
def im2col(x: Node, p: LayerView) -> Node:
    """Every patch of the image under a window, its elements along the channel axis (channel, then place in the window)."""
    axis = p.axis_of(x)
    image = x.shape[axis + 1 :]
    p.require(bool(image), "axis", "Im2col needs a spatial axis after the channel axis")
    window = read_window(p, len(image))
    out = _fitting(p, image, window, window.positions(image))
    shape = p.sized((*x.shape[:axis], x.shape[axis] * math.prod(window.kernel), *out))
    items = _as_items(x, axis)
    border = (0, 0, *window.pad)
    padded = pad(items, low=border, high=border) if any(border) else items
    flat = reshape(padded, shape=(*padded.shape[:2], math.prod(padded.shape[2:])))
    return reshape(gather(flat, _patches(padded.shape[2:], window, out), axis=2), shape=shape)


def _patches(image: tuple[int, ...], window: Window, out: tuple[int, ...]) -> Node:
    """The place in a flattened image of each element of each patch, [kernel places ..., patches ...]."""
    spatial = len(image)
    shape = (*window.kernel, *out)
    index: Node | None = None
    for a, size in enumerate(image):
        inside = iota(axis=a, shape=shape, dtype="i32") * window.dilation[a]
        place = iota(axis=spatial + a, shape=shape, dtype="i32") * window.stride[a] + inside
        index = place if index is None else index * size + place
    assert index is not None
    return index


def _read(x: Node, others: tuple[Node, ...], p: LayerView) -> tuple[int, Window]:
    """The channel axis and the window of a convolution, its fields checked."""
    axis = p.axis_of(x)
    for other in others:
        p.require(other.shape == x.shape, "", f"bottoms of shapes {list(x.shape)} and {list(other.shape)}",
                  "all bottoms of a convolution have one shape")
    p.require(p.num_output > 0, "num_output", "num_output must be at least 1")
    p.require(p.group > 0, "group", "group must be at least 1")
    for what, count, field in ("input channels", x.shape[axis], "group"), ("outputs", p.num_output, "num_output"):
        p.require(count % p.group == 0, field, f"{p.group} groups do not divide {count} {what}")
    return axis, read_window(p, len(x.shape) - axis - 1)


def _fitting(p: LayerView, image: tuple[int, ...], window: Window, out: tuple[int, ...]) -> tuple[int, ...]:
    """`out`, if the window has a place on the image at all."""
    p.require(min(out, default=1) > 0, "kernel_size",
              f"a window of {list(window.extent)} does not fit into an image of {list(image)} padded by {list(window.pad)}")
    return out


def _as_items(x: Node, axis: int) -> Node:
    """x with all axes before the channel axis as one."""
    return _reshaped(x, (math.prod(x.shape[:axis]), *x.shape[axis:]))


def _from_items(y: Node, x: Node, axis: int) -> Node:
    """y with its first axis as the axes x has before its channels."""
    return _reshaped(y, (*x.shape[:axis], *y.shape[1:]))


def _reshaped(x: Node, shape: tuple[int, ...]) -> Node:
    return x if x.shape == shape else reshape(x, shape=shape)


def _bias(p: LayerView) -> Node | None:
    """The bias of the layer, if it has one."""
    return p.blob("b", (p.num_output,), p.bias_filler) if p.bias_term else None


def _biased(y: Node, bias: Node | None, axis: int = 1) -> Node:
    """y plus one number for each place on `axis`."""
    return y if bias is None else y + along(bias, y, axis)
