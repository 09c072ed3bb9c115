"""A transposed convolution by steps of one becomes a convolution, and gives the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.passes.flip_transposed import flip_transposed
from tests.graphs import feeds, weight


def net(stride: int, size: int, pad: int, dilation: int = 1, groups: int = 1) -> Graph:
    """One transposed convolution of 4 channels to 6 over a 5x6 image."""
    x = ops.input_(shape=(2, 4, 5, 6), name="data")
    image = tuple((n - 1) * stride + dilation * (size - 1) + 1 - 2 * pad for n in x.shape[2:])
    y = ops.conv_dx(
        x,
        weight("w", 4, 6 // groups, size, size),
        shape=(2, 6, *image),
        stride=(stride,) * 2,
        pad=(pad,) * 2,
        dilation=(dilation,) * 2,
        groups=groups,
    )
    return Graph("net", {"y": y.named("y")})


@pytest.mark.parametrize(
    ("size", "pad", "dilation", "groups"), [(3, 1, 1, 1), (3, 0, 1, 2), (4, 2, 1, 1), (3, 2, 2, 2), (1, 0, 1, 1)]
)
def test_steps_of_one(size: int, pad: int, dilation: int, groups: int) -> None:
    before = net(1, size, pad, dilation, groups)
    after = flip_transposed(before)
    assert "conv_dx" not in {n.op.name for n in after.nodes}
    assert after.outputs["y"].type == before.outputs["y"].type
    feed = feeds(before)
    np.testing.assert_allclose(
        evaluate(after, feed, wide=True)["y"], evaluate(before, feed, wide=True)["y"], atol=1e-12
    )


def test_longer_steps_stay() -> None:
    graph = net(2, 4, 1)
    assert flip_transposed(graph).outputs["y"] is graph.outputs["y"]


def test_a_window_that_is_all_padding_stays() -> None:
    graph = net(1, 1, 1)
    assert flip_transposed(graph).outputs["y"] is graph.outputs["y"]
