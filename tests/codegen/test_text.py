"""What emitted code looks like: whole modules, as a reader finds them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tests.codegen.run import check
from tests.graphs import classified, normalised, pooled, rectified, softmax, spread, weight


def biased(x: Node, name: str, out: int, size: int, stride: int = 1, groups: int = 1) -> Node:
    """A convolution with a bias, called `name`."""
    attrs = {"stride": (stride,) * 2, "pad": (size // 2,) * 2, "dilation": (1, 1), "groups": groups}
    y = ops.conv(x, weight(f"{name}.w", out, x.shape[1] // groups, size, size), name=f"{name}.conv", **attrs)
    return ops.add(y, spread(weight(f"{name}.b", out), y), name=name)


def small() -> Node:
    """A classifier: a convolution and a pool, normalisation, another convolution, a product, a softmax."""
    x = ops.input_(shape=(1, 3, 12, 12), name="data")
    x = pooled(rectified(biased(x, "conv1", 4, 5), "").named("relu1"), "max", 3, 2).named("pool1")
    x = normalised(x, "").named("norm1")
    x = rectified(biased(x, "conv2", 8, 3, 2), "").named("relu2")
    return softmax(classified(x, "fc", 5).named("fc"), "").named("prob")


def winograd() -> Node:
    """3x3 windows over many channels, and a residual sum."""
    x = biased(ops.input_(shape=(2, 8, 16, 16), name="data"), "conv1", 64, 1).named("conv1")
    return rectified(biased(x, "conv2", 64, 3) + x, "").named("res2")


def depthwise() -> Node:
    """A channel at a time, by steps of two, then all channels together."""
    x = biased(ops.input_(shape=(1, 8, 32, 32), name="data"), "conv1", 64, 1)
    return biased(rectified(biased(x, "conv2", 64, 3, 2, 64), "").named("relu2"), "conv3", 16, 1)


def transposed() -> Node:
    """A deconvolution that doubles the image."""
    x = ops.input_(shape=(1, 8, 24, 24), name="data")
    attrs = {"stride": (2, 2), "pad": (1, 1), "dilation": (1, 1)}
    y = ops.conv_dx(x, weight("up.w", 8, 16, 4, 4), shape=(1, 16, 48, 48), name="up.conv", **attrs)
    return ops.add(y, spread(weight("up.b", 16), y), name="up")


@pytest.mark.parametrize("net", [small, winograd, depthwise, transposed], ids=lambda f: f.__name__)
def test_modules(net: Callable[[], Node], golden) -> None:
    golden(check(Graph(net.__name__, {net().name: net()}), workers=2), name=net.__name__)
