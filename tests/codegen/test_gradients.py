"""Gradients of windows as numpy code: in every block size and order in memory they give what the interpreter gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tcaffe.ir import ops, slots
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.passes.algorithm import costs, filters, others
from tcaffe.passes.layout import layout
from tcaffe.passes.pipeline import Pipeline
from tests.codegen.run import check, program_of, run
from tests.codegen.test_convolution import windows

SETTINGS = settings(max_examples=40, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
WORKERS = st.sampled_from([1, 2, 3])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tests are cut into many blocks, as big nets are."""
    monkeypatch.setattr(others, "BLOCK", 24)
    monkeypatch.setattr(others, "SMALL", 16)
    monkeypatch.setattr(costs, "PEAK", 1e6)
    monkeypatch.setattr(filters, "MIN_SLICE", 1)


def image(name: str, shape: tuple[int, ...], kind: str) -> Node:
    """A value that lies as it is fed, as images lie, as a part of something bigger, or as a view."""
    x = ops.input_(shape=shape, name=name)
    if kind == "last":
        w = ops.param(shape=(shape[1], 1, *(1 for _ in shape[2:])), name=f"{name}.w")
        ones = (1,) * len(shape[2:])
        return ops.conv(x, w, stride=ones, pad=(0,) * len(ones), dilation=ones, groups=shape[1], name=f"{name}.last")
    if kind == "part":
        wide = ops.input_(shape=(shape[0], shape[1] + 2, *shape[2:]), name=f"{name}.wide")
        end = (shape[0], shape[1] + 1, *shape[2:])
        return ops.slice_(wide, begin=(0, 1, *(0 for _ in shape[2:])), end=end)
    if kind == "view":
        turned = (shape[-1], *shape[1:-1], shape[0])
        order = (len(shape) - 1, *range(1, len(shape) - 1), 0)
        return ops.transpose(ops.input_(shape=turned, name=f"{name}.turned"), order=order)
    return x


KINDS = st.sampled_from(["fed", "last", "part", "view"])


@st.composite
def filter_gradients(draw, rank: int = 2, depthwise: bool = False) -> Graph:
    groups, per = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 3))
    if depthwise:
        groups, per = draw(st.integers(2, 5)), 1
    sizes = [draw(st.integers(3, 9)) for _ in range(rank)]
    x = (draw(st.integers(1, 3)), groups * per, *sizes)
    attrs = draw(windows(rank, None, sizes))
    w = (groups * (1 if depthwise else draw(st.integers(1, 3))), per, *attrs.pop("size"))
    y = ops.conv(ops.input_(shape=x, name="x"), ops.param(shape=w, name="w"), groups=groups, **attrs)
    g = image("g", y.shape, draw(KINDS))
    return Graph("one", {"dw": ops.conv_dw(image("x", x, draw(KINDS)), g, groups=groups, shape=w, **attrs, name="dw")})


@settings(SETTINGS, max_examples=80)
@given(filter_gradients(), WORKERS)
def test_gradients_of_filters(graph: Graph, workers: int) -> None:
    check(graph, workers)


@pytest.mark.parametrize("rank", [1, 3])
@settings(SETTINGS, max_examples=25)
@given(st.data(), WORKERS)
def test_other_ranks(rank: int, data, workers: int) -> None:
    check(data.draw(filter_gradients(rank)), workers)


@settings(SETTINGS)
@given(filter_gradients(depthwise=True), WORKERS)
def test_gradients_of_depthwise_filters(graph: Graph, workers: int) -> None:
    check(graph, workers)


@settings(SETTINGS)
@given(st.data(), WORKERS)
def test_gradients_of_images(data, workers: int) -> None:
    """conv_dx with filters that are computed in the same run, and a gradient that lies anyhow."""
    forward = data.draw(filter_gradients()).outputs["dw"]
    x, g = forward.inputs
    attrs = {k: v for k, v in forward.attrs.items() if k != "shape"}
    w = ops.input_(shape=forward.shape, name="w")
    if data.draw(st.booleans()):
        w = w * 2.0
    y = ops.conv_dx(g, w, shape=x.shape, **attrs)
    check(Graph("one", {"dx": (y + 1.0).named("dx")}), workers)


@st.composite
def pool_attrs(draw, sizes: list[int]) -> dict:
    found = {"size": [], "stride": [], "pad": []}
    for n in sizes:
        size = draw(st.integers(1, min(4, n)))
        beyond = st.integers(0, size - 1)
        for key, value in zip(found, (size, draw(st.integers(1, 3)), (draw(beyond), draw(beyond))), strict=True):
            found[key].append(value)
    return {key: tuple(value) for key, value in found.items()} | {"axes": tuple(range(2, 2 + len(sizes)))}


def pool_gradient(g: Node, x: Node, kind: str, attrs: dict) -> Node:
    if kind != "max":
        return ops.pool_dx(g, kind=kind, shape=x.shape, **attrs)
    return ops.unpool(g, ops.pool(x, kind="argmax", **attrs), shape=x.shape, **attrs)


@st.composite
def pool_gradients(draw, kind: str) -> Graph:
    sizes = [draw(st.integers(2, 9)) for _ in range(draw(st.sampled_from([1, 2, 2, 2, 3])))]
    x = image("x", (draw(st.integers(1, 3)), draw(st.integers(1, 4)), *sizes), draw(KINDS))
    attrs = draw(pool_attrs(sizes))
    g = image("g", ops.pool(x, kind=kind, **attrs).shape, draw(KINDS))
    dx = pool_gradient(g, x, kind, attrs)
    match draw(st.sampled_from(["alone", "followed", "joined"])):
        case "followed":
            dx = ops.select(x > 0.0, dx, 0.0)
        case "joined":
            dx = ops.concat(dx, x, axis=1)
    return Graph("one", {"dx": dx.named("dx")})


@pytest.mark.parametrize("kind", ["max", "sum", "average"])
@settings(SETTINGS, max_examples=60)
@given(st.data(), WORKERS)
def test_gradients_of_pools(kind: str, data, workers: int) -> None:
    check(data.draw(pool_gradients(kind)), workers)


@settings(SETTINGS)
@given(st.data(), st.sampled_from([(), (4,), (2, 3)]), st.integers(0, 2), st.sampled_from([2, 40]))
def test_scattered_sums(data, rows: tuple[int, ...], axis: int, width: int) -> None:
    shape = [2, 3]
    shape.insert(axis, width)
    g = ops.input_(shape=(*shape[:axis], *rows, *shape[axis:]), name="g")
    index = ops.cast(ops.input_(shape=rows, name="at") * 4.0, dtype="i32")
    check(Graph("one", {"y": ops.scatter_add(g, index, axis=axis, size=data.draw(st.integers(1, 5)), name="y")}))


@pytest.mark.parametrize("kind", ["max", "average"])
def test_a_not_a_number_stays_where_it_belongs(kind: str) -> None:
    attrs = {"axes": (2, 3), "size": (3, 3), "stride": (2, 2), "pad": ((0, 0), (0, 0))}
    x = ops.input_(shape=(1, 2, 7, 7), name="x")
    g = ops.input_(shape=(1, 2, 3, 3), name="g")
    graph = Graph("one", {"dx": pool_gradient(g, x, kind, attrs)})
    feed = {"x": np.random.default_rng(0).normal(size=x.shape), "g": np.ones(g.shape)}
    feed["g"][0, 1, 1, 1] = np.inf
    found = run(program_of(graph, 1, Pipeline((layout,), "fixed")), feed)
    np.testing.assert_allclose(found["dx"], evaluate(graph, feed)["dx"], rtol=1e-6)


def filter_gradient(workers: int) -> Iterator[np.ndarray]:
    x, g = ops.input_(shape=(8, 4, 12, 12), name="x"), ops.input_(shape=(8, 6, 12, 12), name="g")
    dw = ops.conv_dw(x, g, stride=(1, 1), pad=(1, 1), dilation=(1, 1), shape=(6, 4, 3, 3))
    program = program_of(Graph("one", {"dw": dw}), workers)
    feed = {n.name: np.random.default_rng(0).normal(size=n.shape) for n in (x, g)}
    while True:
        yield run(program, feed, workers)["dw"]


def test_sums_of_several_workers_are_the_same_every_time() -> None:
    results = filter_gradient(3)
    first = next(results)
    for _ in range(10):
        np.testing.assert_array_equal(next(results), first)


@settings(SETTINGS)
@given(st.data(), KINDS, st.sampled_from([(0, 2, 3), (0, 1, 2, 3), (0, 1, 2)]), WORKERS)
def test_reductions_block_by_block(data, kind: str, axes: tuple[int, ...], workers: int) -> None:
    """What a gradient's work on images is followed by: sums for each channel, of several values at once."""
    shape = tuple(data.draw(st.integers(1, n)) for n in (3, 4, 9, 9))
    x, y = image("x", shape, kind), image("y", shape, "last")
    z = ops.select(x > 0.0, y, 0.0) if data.draw(st.booleans()) else x * 2.0
    sums = {"sum": ops.reduce_sum(z, axes=axes), "square": ops.reduce_sum(z * z, axes=axes)}
    if data.draw(st.booleans()):
        sums["max"] = ops.reduce_max(z, axes=axes)
    if data.draw(st.booleans()):
        mean = ops.broadcast(sums["sum"] * 0.1, shape=shape, axes=tuple(a for a in range(4) if a not in axes))
        sums["centred"] = z - mean
    if data.draw(st.booleans()):
        sums["whole"] = z
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "MANY", 4)
        check(Graph("one", {k: v.named(k) for k, v in sums.items()}), workers)


@pytest.mark.parametrize("pad", [((0, 0), (0, 0)), ((1, 1), (1, 2))])
def test_not_a_numbers_lead_nowhere_else(pad: tuple[tuple[int, int], ...]) -> None:
    """Whatever an argmax makes of a window without a largest element, its gradient stays inside the image."""
    attrs = {"axes": (2, 3), "size": (3, 3), "stride": (2, 2), "pad": pad}
    x = ops.input_(shape=(2, 3, 6, 6), name="x")
    y = ops.pool(x, kind="argmax", **attrs)
    g = ops.input_(shape=y.shape, name="g")
    feed = {"x": np.full(x.shape, np.nan), "g": np.ones(g.shape)}
    graph = Graph("one", {"index": y, "dx": ops.unpool(g, y, shape=x.shape, **attrs)})
    found = run(program_of(graph, 1, Pipeline((layout,), "fixed")), feed)
    assert found["index"].min() >= 0 and found["index"].max() < 36
    assert found["dx"].sum() == g.type.size


def test_reductions_of_temporaries_that_share_memory() -> None:
    """What one reduction reads is written over by what the next one reads."""
    x, y = (image(name, (2, 4, 13, 11), "last") for name in "xy")
    kept = ops.mul(x, ops.exp(y), name="kept")
    first, second = (ops.reduce_sum(v, axes=(0, 2, 3)) for v in (kept * y, -(kept * 2.0)))
    check(Graph("sums", {"first": first.named("first"), "kept": kept, "second": second.named("second")}))
