"""The verifier: one broken graph or program per rule, and what it says."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import CoreOp, Node
from tcaffe.ir.program import Kernel, Program
from tcaffe.ir.types import IRError
from tcaffe.ir.verify import verify_graph, verify_program

X = ops.input_(shape=(2, 3), name="x")
Y = ops.exp(X, name="y")
NOTHING = Graph("none", {})


def message(check: object, thing: object) -> str:
    with pytest.raises(IRError) as error:
        check(thing)  # type: ignore[operator]
    return str(error.value)


def test_a_wrong_type_is_shown_under_its_line() -> None:
    wrong = replace(Y, type=Y.type.with_shape(3, 2))
    assert message(verify_graph, Graph("g", {"z": ops.abs_(wrong, name="z")})) == (
        "%y is declared f32[3,2], its op gives f32[2,3]\n"
        "  input %x: f32[2,3]\n"
        "  %y: f32[3,2] = exp(%x)\n"
        "  ^~~~~~~~~~~~~~~~~~~~~~"
    )


def test_only_core_ops() -> None:
    alien = CoreOp("exp", "pointwise", ops.exp.rule, ops.exp.reference, MappingProxyType({}))
    assert "exp is not a core op" in message(verify_graph, Graph("g", {"y": replace(Y, op=alien)}))


def test_an_order_must_order_the_axes() -> None:
    assert "does not order its axes" in message(verify_graph, Graph("g", {"y": Y.laid_out((1, 1))}))


def program(*kernels: Kernel, output: Node = Y) -> Program:
    return Program("p", kernels, (X,), {"out": output}, NOTHING)


def test_a_kernel_reads_what_is_stored_before() -> None:
    z = ops.abs_(Y, name="z")
    assert message(verify_program, program(Kernel("b", (z,), (z,)), Kernel("a", (Y,), (Y,)))).startswith(
        "kernel @b reads %y before"
    )


def test_a_node_is_computed_once() -> None:
    twice = program(Kernel("a", (Y,), (Y,)), Kernel("b", (Y,), (Y,)))
    assert message(verify_program, twice) == "%y is computed by @a and again by @b"


def test_outputs_are_stored() -> None:
    assert message(verify_program, program()) == "nothing stores the output out"
    z = ops.abs_(Y, name="z")
    assert "stores %z, which it does not compute" in message(verify_program, program(Kernel("a", (Y,), (z,))))


def test_stored_values_have_names_of_their_own() -> None:
    z = ops.abs_(Y, name="y")
    both = Program("p", (Kernel("a", (Y,), (Y,)), Kernel("b", (z,), (z,))), (X,), {"z": z}, NOTHING)
    assert message(verify_program, both) == "two stored values are called %y"
