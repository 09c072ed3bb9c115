"""Recomputation: what is kept of the forward pass, and what is made again."""

from __future__ import annotations

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.node import Node, naming
from tcaffe.passes.recompute import recompute
from tests.graphs import convolved, rectified


def blocks(depth: int) -> Graph:
    """A chain of rectified convolutions, y, and something that reads all of them, d."""
    x: Node = ops.input_(shape=(2, 4, 8, 8), name="x")
    backward = []
    for k in range(depth):
        with naming(f"c{k}"):
            conv = convolved(x, f"c{k}", 4, 3, 1, 1).named(f"c{k}")
        x = rectified(conv, f"r{k}").named(f"r{k}")
        backward.append(x)
    d = backward[-1]
    for value in reversed(backward):
        d = ops.tanh(d) * value
    return Graph("g", {"y": x, "d": d.named("d")})


def kept(graph: Graph) -> set[str]:
    return {node.inputs[0].name for node in graph.nodes if node.op is ops.keep}


def convolutions(graph: Graph) -> int:
    return sum(node.op is ops.conv for node in graph.nodes)


def test_the_result_of_a_rectifier_is_kept_and_its_mask_made_again() -> None:
    with naming("c"):
        conv = convolved(ops.input_(shape=(1, 2, 4, 4), name="x"), "c", 4, 3, 1, 1).named("c")
    y = rectified(conv, "").named("y")
    mask = y > 0
    seed = ops.input_(shape=y.shape, name="seed")
    graph = recompute(["y"])(Graph("g", {"y": y, "d": ops.select(mask, seed, 0).named("d")}))
    assert kept(graph) == {"y"}
    assert convolutions(graph) == 1


def test_sums_are_kept_rather_than_what_they_are_of() -> None:
    x = ops.input_(shape=(4, 4, 8, 8), name="x")
    total = ops.reduce_sum(ops.exp(x), axes=(0, 2, 3)).named("total")
    spread = ops.broadcast(total, axes=(1,), shape=x.shape)
    y = (ops.exp(x) / spread).named("y")
    z = ops.reduce_sum(y, axes=(0, 1, 2, 3)).named("z")
    graph = recompute(["z"])(Graph("g", {"z": z, "d": (y * ops.tanh(x)).named("d")}))
    assert kept(graph) == {"total"}


def test_segments_keep_what_crosses_and_run_again() -> None:
    graph = blocks(8)
    once, twice = recompute(["y"])(graph), recompute(["y"], 4)(graph)
    assert (len(kept(once)), convolutions(once)) == (8, 8)
    assert len(kept(twice)) < 8
    assert 8 < convolutions(twice) <= 14


def test_the_forward_pass_stays_as_it_is() -> None:
    graph = blocks(6)
    for segments in (1, 3, 50):
        again = recompute(["y"], segments)(graph)
        assert again.outputs["y"] is graph.outputs["y"]
        assert not any(node.op is ops.keep for node in topological([again.outputs["y"]]))
