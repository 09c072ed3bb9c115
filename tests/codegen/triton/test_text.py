"""What emitted Triton code looks like, what it cannot be made to say, and what there is no code for."""

from __future__ import annotations

import ast

import pytest

from tcaffe.codegen.triton import emit
from tcaffe.codegen.triton.spelling import FRAMES, POINTWISE, UNSPELLED
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import load_net
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.ops import OPS
from tcaffe.ir.program import Program
from tests.codegen.triton.nets import conv, image
from tests.codegen.triton.run import program_of
from tests.graphs import classified, normalised, pooled, rectified, softmax


def small() -> Graph:
    """A classifier: convolutions, a pool, normalisation, a residual sum, a product, a softmax."""
    x = rectified(conv(image(1, 3, 12, 12), 16, (5, 5), "conv1", pad=(2, 2)), "").named("relu1")
    x = pooled(x, "max", 3, 2).named("pool1")
    x = normalised(x, "").named("norm1")
    x = rectified(conv(x, 16, (3, 3), "conv2", pad=(1, 1)) + x, "").named("relu2")
    return Graph("small", {"prob": softmax(classified(x, "fc", 5).named("fc"), "").named("prob")})


def test_a_module(golden) -> None:
    golden(emit(program_of(small())).source, name="small")


def test_the_same_program_gives_the_same_bytes() -> None:
    assert emit(program_of(small())) == emit(program_of(small()))


def test_launches_tell_all_that_a_runtime_needs() -> None:
    program = program_of(small())
    ((first,), *_) = emit(program).launches
    assert first.function == "conv1_add_relu1"
    assert first.pointers == ("data", "conv1.w.last", "conv1.b", "relu1")
    assert first.programs == 3 and first.constants == {"ROWS": 64, "COLUMNS": 16, "DEPTH": 32}
    assert (first.warps, first.stages) == (4, 3)


def test_every_op_is_spelled_or_known_to_be_missing() -> None:
    assert {name for name, op in OPS.items() if op.family != "control"} == {*POINTWISE, *FRAMES, *UNSPELLED}
    assert {op.name for op in OPS.values() if op.family == "pointwise"} == POINTWISE.keys()


HOSTILE = ('"""); import os; ("', "\\", "x\ny", "tl", "é", "for", "a" * 500, "BLOCK", "_tanh")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_harmless(name: str) -> None:
    x = ops.input_(shape=(3, 4), name=name)
    y = ops.tanh(ops.exp(x, name=f"{name}.e"), name=f"{name}.t")
    source = emit(program_of(Graph(name, {f"{name} out": y}))).source
    module = ast.parse(source)
    imports = [ast.unparse(n) for n in ast.walk(module) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert imports == ["import triton", "import triton.language as tl"]
    assert all(isinstance(n, ast.Import | ast.FunctionDef | ast.Expr) for n in module.body)
    assert max(map(len, source.splitlines())) < 400 and source.isascii()


def complaint(program: Program) -> str:
    with pytest.raises(CompileError) as caught:
        emit(program)
    return str(caught.value)


def test_what_there_is_no_code_for_is_named_with_its_line() -> None:
    net = load_net("""
        layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 1, 46340, 46341] } } }
        layer { name: "up" type: "Sigmoid" bottom: "data" top: "up" }
        layer { name: "best" type: "Reduction" bottom: "data" top: "best" }
    """)
    found = complaint(program_of(net.graph.with_outputs({"best": net.blobs["best"]})))
    assert "error E0612: target cuda has no code for kernel `best`" in found
    assert ":4:" in found and "cannot be counted in 32 bits" in found and "1 error" in found


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (ops.exp(ops.input_(shape=(2,), dtype="f16", name="x")), "it computes in f32"),
        (ops.exp(image(1, 2**31)), "cannot be counted in 32 bits"),
    ],
    ids=["half", "huge"],
)
def test_what_there_is_no_code_for(node: Node, words: str) -> None:
    assert words in complaint(program_of(Graph("net", {"out": node})))


def test_packed_filters_are_read_as_they_lie() -> None:
    emitted = emit(program_of(Graph("net", {"out": conv(image(1, 40, 5, 5), 3, (3, 3))})))
    assert "conv_w_begin + tap * 40 + down" in emitted.source
    assert emitted.launches[0][0].pointers == ("data", "conv.w.last", "conv.b", "out", "conv+out.parts")
