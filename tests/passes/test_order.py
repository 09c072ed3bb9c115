"""The order of kernels."""

from __future__ import annotations

from hypothesis import given, settings

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.verify import verify_program
from tcaffe.passes.fuse import fuse
from tcaffe.passes.order import order
from tests.graphs import image_graphs


def product(x: Node, name: str, width: int) -> Node:
    w = ops.param(shape=(x.shape[1], width), name=f"{name}.w")
    return ops.dot(x, w).named(name)


def ordered(graph: Graph) -> list[str]:
    return [kernel.name for kernel in order(fuse(graph)).kernels]


def test_a_branch_is_finished_before_the_next_one_begins() -> None:
    """Side by side, both wide values would be live at once."""
    x = ops.input_(shape=(8, 4), name="x")
    wide = [product(x, f"wide{k}", 1000) for k in range(3)]
    narrow = [product(value, f"narrow{k}", 1) for k, value in enumerate(wide)]
    names = ordered(Graph("g", {value.name: value for value in narrow}))
    assert [names.index(f"narrow{k}") - names.index(f"wide{k}") for k in range(3)] == [1, 1, 1]


def test_what_is_computed_again_waits_for_its_reader() -> None:
    x = ops.input_(shape=(8, 100), name="x")
    y = product(x, "y", 100)
    again = ops.exp(ops.keep(y, name="kept")).named("again")
    d = product(product(ops.tanh(y).named("s"), "a", 100), "b", 100)
    names = ordered(Graph("g", {"y": y, "d": ops.dot(again, ops.transpose(d, order=(1, 0)).named("t")).named("d")}))
    assert names.index("again") > names.index("b")


@given(image_graphs(max_layers=6))
@settings(max_examples=25, deadline=None)
def test_any_order_computes_everything_once(graph: Graph) -> None:
    program = fuse(graph)
    assert set(verify_program(order(program)).kernels) == set(program.kernels)
