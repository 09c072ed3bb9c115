"""The printed form: what it looks like, and that it reads back as itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcaffe.diagnostics import Span
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import naming
from tcaffe.ir.parser import parse_graph, parse_program
from tcaffe.ir.printer import print_graph, print_program
from tcaffe.ir.types import IRError
from tcaffe.passes.alias import alias
from tcaffe.passes.fold_affine import fold_affine
from tcaffe.passes.fuse import fuse
from tcaffe.passes.layout import layout
from tcaffe.passes.memory import plan_memory
from tests.graphs import image_graphs
from tests.ir.cases import CASES, OpCase

SMALL = """\
graph @small {
  input %data: f32[1,2,4,4]
  param %conv1.w: f32[3,2,3,3] {filler=xavier}
  param %conv1.b: f32[3]
  %conv1.conv: f32[1,3,4,4] = conv(%data, %conv1.w) {dilation=[1,1], pad=[1,1], stride=[1,1]}   # small.prototxt:7
  %conv1.broadcast: f32[1,3,4,4] = broadcast(%conv1.b) {axes=[1]}   # small.prototxt:7
  %conv1: f32[1,3,4,4] = add(%conv1.conv, %conv1.broadcast)   # small.prototxt:7
  %relu1: f32[1,3,4,4] = maximum(%conv1, 0.0)
  return %relu1, before=%conv1
}
"""


def test_a_graph_as_people_read_it() -> None:
    data = ops.input_(shape=(1, 2, 4, 4), name="data")
    b = ops.param(shape=(3,), name="conv1.b")
    w = ops.param(shape=(3, 2, 3, 3), filler="xavier", name="conv1.w")
    with naming("conv1", Span("small.prototxt", 7, 1, 5, "layer")):
        y = ops.conv(data, w, stride=(1, 1), pad=(1, 1), dilation=(1, 1))
        y = (y + ops.broadcast(b, shape=y.shape, axes=(1,))).named("conv1")
    graph = Graph("small", {"relu1": ops.maximum(y, 0, name="relu1"), "before": y})
    assert print_graph(graph) == SMALL
    assert print_graph(parse_graph(SMALL)) == SMALL


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_every_op_reads_back(case: OpCase) -> None:
    text = print_graph(Graph("one", {"y": case.node()}))
    assert print_graph(parse_graph(text)) == text


@given(image_graphs())
@settings(max_examples=60, deadline=None)
def test_graphs_and_programs_read_back(graph: Graph) -> None:
    text = print_graph(graph)
    assert print_graph(parse_graph(text)) == text
    program = plan_memory(alias(fuse(layout(fold_affine(graph)))))
    text = print_program(program)
    assert print_program(parse_program(text)) == text


def test_numbers_that_need_a_line_come_in_the_order_of_need() -> None:
    x, zero, one = ops.input_(shape=(2,), name="x"), ops.const(value=0.0, shape=(2,)), ops.const(value=1.0, shape=(2,))
    y = ops.select(x > zero, one, zero)
    text = print_graph(Graph("g", {"y": y}))
    assert print_graph(parse_graph(text)) == text
    assert text.index("value=1.0") < text.index("value=0.0")


@given(st.text(min_size=1))
def test_any_name_reads_back(name: str) -> None:
    graph = Graph(name, {name: ops.exp(ops.input_(shape=(2,), name=f"{name}.in"), name=name)})
    text = print_graph(graph)
    assert print_graph(parse_graph(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("graph @g { %y: f32[2] = exp(%x) return %y }", "line 1: %x is not defined before this line"),
        ("graph @g {\n input %x: f32[2]\n %y: f32[3] = exp(%x)\n return %y\n}", "line 3: the line says f32[3], exp"),
        ("graph @g {\n input %x: f99[2]\n return %x\n}", "line 2: unknown element type 'f99'"),
        ("graph @g {\n input %x: f32[2]\n %y: f32[2] = run(%x)\n return %y\n}", "there is no core op 'run'"),
        ("graph @g { return %x } more", "%x is not defined"),
        ("graph @g { input %x: f32[2] input %x: f32[2] return %x }", "%x is declared twice"),
        ("graph @g { ? }", "cannot read '?"),
        ("graph @g {", "expected a name, found the end"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(IRError) as error:
        parse_graph(text)
    assert message in str(error.value)


@given(st.text(alphabet="graph@{}%x:f32[],=()\"\\ 1\n#.-", max_size=60))
def test_noise_is_refused_not_crashed_on(text: str) -> None:
    with pytest.raises(IRError):
        parse_graph("graph @g { " + text)
