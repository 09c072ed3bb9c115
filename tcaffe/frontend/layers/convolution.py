"""Layers of learned linear maps: convolutions, inner products, embeddings; and im2col."""

from __future__ import annotations

import math

from tcaffe.frontend.layers.common import along, rectified, reshaped
from tcaffe.frontend.layers.geometry import Window, places, read_window
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import cast, conv, conv_dx, dot, gather, iota, pad, reshape, slice_, transpose
from tcaffe.schema.caffe_pb2 import ReLUParameter


@layer("Convolution", tops=(1, None), paired=True)
def convolution(x: Node, *others: Node, p: LayerView) -> tuple[Node, ...]:
    """Cross-correlation of every bottom with the same p.num_output filters, plus a bias a filter."""
    return _convolved((x, *others), p, p.positive("group"))


@layer("ConvolutionDepthwise", "DepthwiseConvolution", param="convolution_param", tops=(1, None), paired=True)
def depthwise(x: Node, *others: Node, p: LayerView) -> tuple[Node, ...]:
    """A convolution in which every channel has filters of its own; from the ports of MobileNet."""
    channels = x.shape[p.axis_of(x)]
    note = "each channel is a group"
    p.require(p.group in (1, channels), "group", f"{p.group} groups for {channels} channels", note)
    return _convolved((x, *others), p, channels)


def _convolved(xs: tuple[Node, ...], p: LayerView, groups: int) -> tuple[Node, ...]:
    """Every image of xs convolved with the same filters in `groups` groups, plus a bias a filter."""
    axis, window = _read(xs, p, groups)
    w = p.blob("w", (p.num_output, xs[0].shape[axis] // groups, *window.kernel), p.weight_filler)
    bias = _bias(p)
    p.sized((*xs[0].shape[:axis], p.num_output, *places(p, window, xs[0].shape, axis)))
    slope = _fused_slope(p)

    def convolve(image: Node) -> Node:
        items, border = _bordered(_as_items(image, axis), window)
        y = _biased(conv(items, w, stride=window.stride, pad=border, dilation=window.dilation, groups=groups), bias)
        return _from_items(y if slope is None else rectified(y, slope), image, axis)

    return tuple(map(convolve, xs))


def _bordered(x: Node, window: Window) -> tuple[Node, tuple[int, ...]]:
    """Items and what `conv` is to pad them with on both sides: the padding is in them if the sides differ."""
    if window.low == window.high:
        return x, window.low
    return pad(x, low=(0, 0, *window.low), high=(0, 0, *window.high)), (0,) * len(window.low)


def _fused_slope(p: LayerView) -> float | None:
    """The negative slope of the ReLU that the OpenCL fork has merged into a convolution, if there is one."""
    fused = p.foreign("fuse_type", "UNFUSED")
    slope: float = p.foreign("relu_param", ReLUParameter()).negative_slope
    p.require(fused in ("UNFUSED", "FUSED_CONV_RELU"), "fuse_type", f"fuse_type {fused} cannot be compiled")
    return slope if fused == "FUSED_CONV_RELU" else None


@layer("Deconvolution", param="convolution_param", tops=(1, None), paired=True)
def deconvolution(x: Node, *others: Node, p: LayerView) -> tuple[Node, ...]:
    """The transpose of a convolution: every element spreads through its filters, plus a bias an output channel."""
    axis, window = _read((x, *others), p, p.positive("group"))
    w = p.blob("w", (x.shape[axis], p.num_output // p.group, *window.kernel), p.weight_filler)
    bias = _bias(p)
    out = window.spread(x.shape[axis + 1 :])
    p.require(min(out, default=1) > 0, "pad", f"the padding leaves an image of {list(out)}")
    p.sized((*x.shape[:axis], p.num_output, *window.padded(out)))
    even = window.low == window.high
    made, border = (out, window.low) if even else (window.padded(out), (0,) * len(out))

    def spread(image: Node) -> Node:
        items = _as_items(image, axis)
        steps = {"stride": window.stride, "pad": border, "dilation": window.dilation, "groups": p.group}
        y = conv_dx(items, w, **steps, shape=(items.shape[0], p.num_output, *made))
        return _from_items(_biased(y if even else _inside(y, window, out), bias), image, axis)

    return tuple(map(spread, (x, *others)))


def _inside(y: Node, window: Window, size: tuple[int, ...]) -> Node:
    """Images without the padding around them."""
    end = tuple(a + n for a, n in zip(window.low, size, strict=True))
    return slice_(y, begin=(0, 0, *window.low), end=(*y.shape[:2], *end))


@layer("InnerProduct")
def inner_product(x: Node, p: LayerView) -> Node:
    """Every item, flattened from p.axis on, times a matrix of p.num_output rows, plus a bias a row."""
    axis, outputs = p.axis_of(x), p.positive("num_output")
    rows, columns = math.prod(x.shape[:axis]), math.prod(x.shape[axis:])
    w = p.blob("w", (columns, outputs) if p.transpose else (outputs, columns), p.weight_filler)
    bias = _bias(p)
    p.sized((*x.shape[:axis], outputs))
    y = dot(reshaped(x, (rows, columns)), w if p.transpose else transpose(w, order=(1, 0)))
    return reshaped(_biased(y, bias), (*x.shape[:axis], outputs))


@layer("Embed")
def embed(x: Node, p: LayerView) -> Node:
    """The row of a learned table that each element of x names, plus a bias a column."""
    w = p.blob("w", (p.positive("input_dim"), p.positive("num_output")), p.weight_filler)
    bias = _bias(p)
    return _biased(gather(w, cast(x, dtype="i32"), axis=0), bias, axis=len(x.shape))


@layer("Im2col", param="convolution_param")
def im2col(x: Node, p: LayerView) -> Node:
    """Every patch of the image under a window, its elements (channel, then place in the window) as channels."""
    axis = p.axis_of(x)
    spatial = len(x.shape) - axis - 1
    p.require(spatial > 0, "axis", f"axis {axis} is the last of a blob of shape {list(x.shape)}", "no image is left")
    window = read_window(p, spatial)
    out = places(p, window, x.shape, axis)
    shape = p.sized((*x.shape[:axis], x.shape[axis] * math.prod(window.kernel), *out))
    items = _as_items(x, axis)
    low, high = (0, 0, *window.low), (0, 0, *window.high)
    padded = pad(items, low=low, high=high) if any((*low, *high)) else items
    image = padded.shape[2:]
    flat = reshape(padded, shape=(*padded.shape[:2], math.prod(image)))
    return reshape(gather(flat, _patches(image, window, out), axis=2), shape=shape)


def _patches(image: tuple[int, ...], window: Window, out: tuple[int, ...]) -> Node:
    """The place in a flattened image of each element of each patch, [places in the window ..., patches ...]."""
    shape = (*window.kernel, *out)
    index = iota(axis=0, shape=shape, dtype="i32") * 0
    for a, size in enumerate(image):
        inside = iota(axis=a, shape=shape, dtype="i32") * window.dilation[a]
        corner = iota(axis=len(image) + a, shape=shape, dtype="i32") * window.stride[a]
        index = index * size + (corner + inside)
    return index


def _read(xs: tuple[Node, ...], p: LayerView, groups: int) -> tuple[int, Window]:
    """The channel axis and the window of a convolution, its fields checked."""
    x = xs[0]
    axis = p.axis_of(x)
    p.require_alike(xs)
    channels, outputs = x.shape[axis], p.positive("num_output")
    p.require(channels % groups == 0, "group", f"{groups} groups do not divide {channels} input channels")
    p.require(outputs % groups == 0, "num_output", f"{groups} groups do not divide {outputs} outputs")
    return axis, read_window(p, len(x.shape) - axis - 1)


def _as_items(x: Node, axis: int) -> Node:
    """x with all axes before the channel axis as one."""
    return reshaped(x, (math.prod(x.shape[:axis]), *x.shape[axis:]))


def _from_items(y: Node, x: Node, axis: int) -> Node:
    """y with its first axis as the axes x has before its channels."""
    return reshaped(y, (*x.shape[:axis], *y.shape[1:]))


def _bias(p: LayerView) -> Node | None:
    """The bias of the layer, if it has one."""
    return p.blob("b", (p.num_output,), p.bias_filler) if p.bias_term else None


def _biased(y: Node, bias: Node | None, axis: int = 1) -> Node:
    """y plus one number for each place on `axis`."""
    return y if bias is None else y + along(bias, y, axis)
