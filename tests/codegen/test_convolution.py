"""Convolutions as numpy code: every algorithm, in every block size, gives what the interpreter gives."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.algorithm import choose, convolution, costs, others
from tests.codegen.run import check
from tests.graphs import leaky, pooled, rectified, spread, weight

SETTINGS = settings(max_examples=40, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tests are cut into many blocks, as big nets are."""
    monkeypatch.setattr(others, "BLOCK", 24)
    monkeypatch.setattr(others, "SMALL", 16)
    monkeypatch.setattr(costs, "PEAK", 1e6)
    monkeypatch.setattr(convolution, "MIN_CHANNELS", 1)


@st.composite
def convolutions(draw, rank: int = 2, kernel: int | None = None, depthwise: bool = False) -> Graph:
    """One convolution over the data or over what another one made, with something behind it."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    per = draw(st.integers(1, 3))
    if depthwise:
        groups, per = draw(st.integers(2, 5)), 1
    sizes = [draw(st.integers(3, 9)) for _ in range(rank)]
    x: Node = ops.input_(shape=(draw(st.integers(1, 3)), groups * per, *sizes), name="data")
    if draw(st.booleans()):
        x = pointwise_conv(x, "first", x.shape[1])
    attrs = draw(windows(rank, kernel, sizes))
    size = attrs.pop("size")
    filters = groups * (1 if depthwise else draw(st.integers(1, 3)))
    y = ops.conv(x, weight("w", filters, per, *size), groups=groups, **attrs, name="y")
    return Graph("one", {"out": draw(finished(x, y)).named("out")})


@st.composite
def windows(draw, rank: int, kernel: int | None, sizes: list[int]) -> dict:
    """A window that fits into an image of `sizes`."""
    found = {"size": [], "stride": [], "pad": [], "dilation": []}
    for n in sizes:
        k = kernel or draw(st.integers(1, 4))
        d = 1 if kernel else draw(st.sampled_from([1, 1, 2]))
        pad = draw(st.integers(0, 2))
        k, d = (k, d) if (k - 1) * d + 1 <= n + 2 * pad else (1, 1)
        for key, value in zip(found, (k, 1 if kernel else draw(st.integers(1, 3)), pad, d), strict=True):
            found[key].append(value)
    return {key: tuple(value) for key, value in found.items()}


@st.composite
def finished(draw, x: Node, y: Node) -> Node:
    """What may follow a convolution in its kernel."""
    kind = draw(
        st.sampled_from(["nothing", "bias", "relu", "residual", "leaky", "pool", "average", "concat", "slices"])
    )
    if kind != "nothing":
        y = y + spread(weight("b", y.shape[1]), y)
    match kind:
        case "relu":
            return rectified(y, "")
        case "residual":
            other = pointwise_conv(x, "beside", y.shape[1])
            return rectified(y + other, "") if other.shape == y.shape else y
        case "leaky":
            return leaky(y, "")
        case "pool" | "average" if len(y.shape) == 4:
            return pooled(
                rectified(y, ""), "max" if kind == "pool" else kind, draw(st.integers(1, 3)), draw(st.integers(1, 2))
            )
        case "concat":
            return ops.concat(rectified(y, ""), y * 2.0, axis=draw(st.integers(1, len(y.shape) - 1)))
        case "slices" if y.shape[1] > 1:
            cut = draw(st.integers(1, y.shape[1] - 1))
            zeros = (0,) * (len(y.shape) - 2)
            first = ops.slice_(y, begin=(0, 0, *zeros), end=(y.shape[0], cut, *y.shape[2:]))
            last = ops.slice_(y, begin=(0, cut, *zeros), end=y.shape)
            return ops.concat(last, first, axis=1)
    return y


def pointwise_conv(x: Node, name: str, out: int) -> Node:
    """A 1x1 convolution: it leaves an image channels last."""
    rank = len(x.shape) - 2
    w = weight(f"{name}.w", out, x.shape[1], *(1,) * rank)
    return ops.conv(x, w, stride=(1,) * rank, pad=(0,) * rank, dilation=(1,) * rank, name=name)


def any_plan(seed: int):
    """A planner that takes one of the plans at random, each algorithm as often."""
    rng = random.Random(seed)

    def plan(kernel, storage, workers, parameters):
        plans = list(convolution.Convolution(kernel, storage, workers, parameters).plans())
        kinds = sorted({_kind(p) for p in plans})
        kind = rng.choice(kinds)
        return rng.choice([p for p in plans if _kind(p) == kind])

    return plan


def _kind(plan) -> tuple[str, int]:
    return plan.attrs["algorithm"], plan.attrs.get("winograd", 0)


SEEDS = st.integers(0, 1000)
WORKERS = st.sampled_from([1, 2, 3])


@SETTINGS
@given(convolutions(), SEEDS, WORKERS)
def test_images(graph: Graph, seed: int, workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "plan_convolution", any_plan(seed))
        check(graph, workers)


@SETTINGS
@given(st.sampled_from([3, 3, 5]).flatmap(lambda size: convolutions(kernel=size)), SEEDS, WORKERS)
def test_square_windows(graph: Graph, seed: int, workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "plan_convolution", any_plan(seed))
        check(graph, workers)


@SETTINGS
@given(convolutions(depthwise=True), SEEDS, WORKERS)
def test_depthwise(graph: Graph, seed: int, workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "plan_convolution", any_plan(seed))
        check(graph, workers)


@settings(SETTINGS, max_examples=25)
@given(st.sampled_from([1, 3]).flatmap(lambda rank: convolutions(rank=rank)), SEEDS, WORKERS)
def test_sequences_and_volumes(graph: Graph, seed: int, workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "plan_convolution", any_plan(seed))
        check(graph, workers)


@settings(SETTINGS, max_examples=40)
@given(st.data(), WORKERS)
def test_transposed(data, workers: int) -> None:
    draw = data.draw
    groups, rank = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([2, 2, 2, 1, 3]))
    per = draw(st.integers(1, 2))
    out = draw(st.integers(1, 2))
    sizes = [draw(st.integers(1, 5)) for _ in range(rank)]
    x = ops.input_(shape=(draw(st.integers(1, 2)), groups * per, *sizes), name="data")
    size, stride, dilation, pad, image = [], [], [], [], []
    for n in sizes:
        k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 2]))
        full = (n - 1) * s + (k - 1) * d + 1
        p = draw(st.integers(0, min(2, (full - 1) // 2)))
        for where, value in ((size, k), (stride, s), (dilation, d), (pad, p), (image, full - 2 * p)):
            where.append(value)
    attrs = {"stride": tuple(stride), "pad": tuple(pad), "dilation": tuple(dilation), "groups": groups}
    shape = (x.shape[0], groups * out, *image)
    y = ops.conv_dx(x, weight("w", groups * per, out, *size), shape=shape, **attrs, name="y")
    check(Graph("one", {"out": draw(finished(x, y)).named("out")}), workers)
