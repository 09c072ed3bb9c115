"""Parameters that take their next values where they lie: whatever else reads them has read the old ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcaffe.compiler import build
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.ir.parser import parse_program
from tcaffe.ir.printer import print_program
from tcaffe.ir.target import cpu
from tcaffe.ir.types import IRError
from tcaffe.passes.pipeline import UPDATE
from tcaffe.runtime.executable import Executable

SHAPE = (4, 6)


def param(name: str, shape: tuple[int, ...] = SHAPE) -> Node:
    return ops.param(shape=shape, name=name)


def run(outputs: dict[str, Node], values: dict[str, np.ndarray], **feed: np.ndarray) -> tuple[Executable, dict]:
    """The executable after a run that has changed `values`, and its outputs; both are what evaluation gives."""
    graph = Graph("g", outputs)
    expected = {name: np.array(value) for name, value in evaluate(graph, {**values, **feed}).items()}
    executable = build(graph, values, [UPDATE], target=cpu(2))
    context = executable.context()
    for name, place in context.inputs.items():
        np.copyto(place, feed[name])
    context.run()
    for name, value in expected.items():
        found = values[outputs[name].inputs[0].name] if outputs[name].op is ops.assign else context.outputs[name]
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6, err_msg=name)
    return executable, context.outputs


def arrays(*names: str, shape: tuple[int, ...] = SHAPE) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name in names}


def copies(executable: Executable) -> int:
    """How many assignments are copies."""
    assert executable.program is not None
    return sum(node.op is ops.assign for kernel in executable.program.kernels for node in kernel.nodes)


def test_a_step_is_stored_over_what_it_is_taken_from() -> None:
    w, v = param("w"), param("v")
    new = v * 0.9 + ops.input_(shape=SHAPE, name="g")
    executable, _ = run({"w'": ops.assign(w, w - new), "v'": ops.assign(v, new)}, arrays("w", "v"), **arrays("g"))
    assert copies(executable) == 0
    text = print_program(executable.program)
    assert print_program(parse_program(text)) == text


def test_a_gradient_s_own_kernel_updates_the_parameter() -> None:
    x, g, w = ops.input_(shape=(4, 3), name="x"), ops.input_(shape=(3, 6), name="g"), param("w")
    executable, _ = run(
        {"w'": ops.assign(w, w - ops.dot(x, g) * 0.1)}, arrays("w"), x=arrays("x", shape=(4, 3))["x"],
        g=arrays("g", shape=(3, 6))["g"],
    )  # fmt: skip
    assert len(executable.program.kernels) == 1


def test_who_reads_the_old_value_runs_before() -> None:
    w = param("w")
    late = ops.exp(ops.reduce_sum(ops.exp(w), axes=(1,)))
    executable, _ = run({"w'": ops.assign(w, w * 2.0), "late": late}, arrays("w"))
    assert copies(executable) == 0


def test_parameters_can_trade_places() -> None:
    a, b = param("a"), param("b")
    executable, _ = run({"a'": ops.assign(a, ops.exp(b)), "b'": ops.assign(b, ops.exp(a))}, arrays("a", "b"))
    assert copies(executable) >= 1
    run({"a'": ops.assign(a, b), "b'": ops.assign(b, a)}, arrays("a", "b"))


def test_a_result_that_needs_all_of_the_old_value_is_no_update_in_place() -> None:
    w = param("w", (5, 5))
    run({"w'": ops.assign(w, ops.dot(w, w))}, arrays("w", shape=(5, 5)))
    run({"w'": ops.assign(w, ops.transpose(w, order=(1, 0)))}, arrays("w", shape=(5, 5)))
    run({"w'": ops.assign(w, ops.const(value=0.0, shape=(5, 5)))}, arrays("w", shape=(5, 5)))


def test_one_value_for_two_parameters() -> None:
    a, b = param("a"), param("b")
    new = a + b
    run({"a'": ops.assign(a, new), "b'": ops.assign(b, new)}, arrays("a", "b"))


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Node]:
    """Next values of three parameters and some outputs, made of all of them in random ways."""
    params = [param(name) for name in "abc"]
    values = [*params, ops.input_(shape=SHAPE, name="x")]
    for _ in range(draw(st.integers(1, 8))):
        x, y = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        values.append(draw(st.sampled_from([
            lambda x=x, y=y: x + y,
            lambda x=x, y=y: x * y,
            lambda x=x: ops.tanh(x),
            lambda x=x: ops.broadcast(ops.reduce_sum(x, axes=(1,)), shape=SHAPE, axes=(0,)) * 0.1,
            lambda x=x, y=y: ops.dot(ops.dot(x, ops.transpose(y, order=(1, 0))), y) * 0.1,
            lambda x=x: ops.reshape(ops.transpose(x, order=(1, 0)), shape=SHAPE),
        ]))())  # fmt: skip
    outputs = {f"{p.name}'": ops.assign(p, draw(st.sampled_from(values))) for p in params}
    return outputs | {f"y{k}": draw(st.sampled_from(values[3:])) for k in range(2)}


@given(updates())
@settings(max_examples=40, deadline=None)
def test_random_updates(outputs: dict[str, Node]) -> None:
    run(outputs, arrays("a", "b", "c"), **arrays("x"))


def test_an_executable_goes_on_from_run_to_run() -> None:
    w, values = param("w"), arrays("w")
    before = values["w"].copy()
    context = build(Graph("g", {"w'": ops.assign(w, w * 0.5)}), values, [UPDATE], target=cpu(1)).context()
    for _ in range(3):
        context.run()
    np.testing.assert_allclose(values["w"], before / 8, rtol=1e-6)


def test_shapes_must_agree() -> None:
    with pytest.raises(IRError, match="cannot be assigned"):
        ops.assign(param("w"), ops.const(value=0.0, shape=(2,)))
