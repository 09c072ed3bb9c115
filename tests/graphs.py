"""Random graphs of core ops, and what the tests do with graphs of any kind."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np
from hypothesis import strategies as st

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node, naming

Draw = Callable[[st.SearchStrategy], object]


def feeds(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Float64 values for every input and parameter, positive and away from the kinks of pointwise ops."""
    found = {}
    for node in (*graph.inputs, *graph.params):
        rng = np.random.default_rng([seed, zlib.crc32(node.name.encode())])
        found[node.name] = rng.uniform(-1, 1, node.shape) * (0.5 if node.op is ops.param else 1)
    return found


def spread(vector: Node, like: Node) -> Node:
    """`vector` along the channels of `like`."""
    return ops.broadcast(vector, shape=like.shape, axes=(1,))


def weight(name: str, *shape: int) -> Node:
    """A parameter."""
    return ops.param(shape=shape, name=name)


def affine(x: Node, name: str) -> Node:
    """x scaled and shifted per channel, as BatchNorm at test time does."""
    s, b = weight(f"{name}.s", x.shape[1]), weight(f"{name}.b", x.shape[1])
    return (x - spread(b, x)) * spread(1.0 / ops.sqrt(s * s + 0.5), x)


def rectified(x: Node, name: str) -> Node:
    """max(x, 0)."""
    return ops.maximum(x, 0.0)


def leaky(x: Node, name: str) -> Node:
    """x, a tenth of it below zero."""
    return ops.select(x > 0.0, x, x * 0.1)


def squashed(x: Node, name: str) -> Node:
    """The logistic function."""
    return ops.tanh(x * 0.5) * 0.5 + 0.5


def normalised(x: Node, name: str) -> Node:
    """Local response normalisation over three channels."""
    total = ops.pool(x * x, kind="sum", axes=(1,), size=(3,), stride=(1,), pad=((1, 1),))
    return x * ops.pow_(total * 0.3 + 1.0, ops.const(value=-0.75, shape=x.shape))


def softmax(x: Node, name: str) -> Node:
    """Softmax over channels."""
    rest = tuple(i for i in range(len(x.shape)) if i != 1)
    e = ops.exp(x - ops.broadcast(ops.reduce_max(x, axes=(1,)), shape=x.shape, axes=rest))
    return e / ops.broadcast(ops.reduce_sum(e, axes=(1,)), shape=x.shape, axes=rest)


def gated(x: Node, name: str) -> Node:
    """x times one number per item and channel (squeeze and excite, without the excitation)."""
    mean = ops.reduce_sum(x, axes=(2, 3)) * 0.1
    return x * ops.broadcast(mean, shape=x.shape, axes=(0, 1))


def convolved(x: Node, name: str, out: int, size: int, stride: int, groups: int) -> Node:
    """A convolution with a bias, padded to keep the image's size at stride 1."""
    w = weight(f"{name}.w", out, x.shape[1] // groups, size, size)
    y = ops.conv(x, w, stride=(stride, stride), pad=(size // 2,) * 2, dilation=(1, 1), groups=groups)
    return y + spread(weight(f"{name}.b", out), y)


def deconvolved(x: Node, name: str, out: int) -> Node:
    """A deconvolution that doubles the image."""
    shape = (x.shape[0], out, 2 * x.shape[2], 2 * x.shape[3])
    w = weight(f"{name}.w", x.shape[1], out, 4, 4)
    y = ops.conv_dx(x, w, stride=(2, 2), pad=(1, 1), dilation=(1, 1), shape=shape)
    return y + spread(weight(f"{name}.b", out), y)


def pooled(x: Node, kind: str, size: int, stride: int) -> Node:
    """A spatial pool whose last window may hang over the edge."""
    pads = []
    for n in x.shape[2:]:
        over = max(0, -(-(n - size) // stride) * stride + size - n) if n >= size else size - n
        pads.append((0, over))
    return ops.pool(x, kind=kind, axes=(2, 3), size=(size,) * 2, stride=(stride,) * 2, pad=tuple(pads))


def classified(x: Node, name: str, out: int) -> Node:
    """A fully connected layer over everything."""
    flat = ops.reshape(x, shape=(x.shape[0], int(np.prod(x.shape[1:]))))
    w = ops.transpose(weight(f"{name}.w", out, flat.shape[1]), order=(1, 0))
    y = ops.dot(flat, w)
    return y + spread(weight(f"{name}.b", out), y)


CHOICES = ("conv", "conv", "pointwise", "pointwise", "pool", "sum", "concat", "slice", "deconv")
POINTWISE = (affine, rectified, leaky, squashed, normalised, softmax, gated)


@st.composite
def image_graphs(draw: Draw, max_layers: int = 8) -> Graph:
    """A net of a few layers over images: branches, residual sums, concatenations, a classifier now and then."""
    sides = st.integers(4, 9)
    shape = (draw(st.integers(1, 2)), draw(st.sampled_from([1, 2, 3, 4])), draw(sides), draw(sides))
    values = [ops.input_(shape=shape, name="data")]
    if draw(st.integers(0, 3)) == 0:
        values.append(ops.const(value=draw(st.sampled_from([0.0, 1.5])), shape=shape))
    for k in range(draw(st.integers(1, max_layers))):
        with naming(f"l{k}"):
            values.append(_layer(draw, values, f"l{k}").named(f"l{k}"))
    last = values[-1]
    outputs = {last.name: last}
    if draw(st.booleans()) and draw(st.booleans()):
        other = draw(st.sampled_from(values[1:]))
        outputs[other.name] = other
    if draw(st.booleans()):
        with naming("fc"):
            outputs["fc"] = classified(last, "fc", 3).named("fc")
    return Graph("random", outputs)


def _layer(draw: Draw, values: list[Node], name: str) -> Node:
    x = draw(st.sampled_from(values[-3:]))
    alike = [v for v in values if v.shape == x.shape and v is not x]
    beside = [v for v in values if v.shape[:1] + v.shape[2:] == x.shape[:1] + x.shape[2:]]
    choice = draw(st.sampled_from(CHOICES))
    if choice == "conv":
        groups = draw(st.sampled_from([g for g in (1, 1, 2, x.shape[1]) if x.shape[1] % g == 0]))
        out = groups * draw(st.integers(1, 3))
        return convolved(x, name, out, draw(st.sampled_from([1, 1, 3, 5])), draw(st.integers(1, 2)), groups)
    if choice == "deconv" and x.shape[2] < 10:
        return deconvolved(x, name, draw(st.integers(1, 3)))
    if choice == "pool" and min(x.shape[2:]) > 1:
        size = draw(st.integers(2, 3))
        return pooled(x, draw(st.sampled_from(["max", "average", "sum"])), size, draw(st.integers(1, size)))
    if choice == "sum" and alike:
        return x + draw(st.sampled_from(alike))
    if choice == "concat":
        return ops.concat(x, *draw(st.lists(st.sampled_from(beside), min_size=1, max_size=2)), axis=1)
    if choice == "slice" and x.shape[1] > 1:
        cut = draw(st.integers(1, x.shape[1] - 1))
        return ops.slice_(x, begin=(0, cut, 0, 0), end=x.shape)
    return draw(st.sampled_from(POINTWISE))(x, name)


def close(got: Mapping[str, np.ndarray], want: Mapping[str, np.ndarray], tolerance: float = 1e-4) -> None:
    """Assert that every output agrees, relative to its largest value."""
    assert got.keys() == want.keys()
    for name, value in want.items():
        scale = max(1.0, float(np.abs(value).max(initial=0.0)))
        np.testing.assert_allclose(got[name], value, rtol=0, atol=tolerance * scale, err_msg=name)
