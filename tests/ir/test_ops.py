"""Core ops: every one has a case, its type rule tells what its reference gives, bad operands are refused."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.ir.ops import OPS
from tcaffe.ir.types import IRError
from tests.ir.cases import CASES, OpCase

FED = {"input", "param"}


def test_every_op_has_a_case() -> None:
    assert {case.op.name for case in CASES} == OPS.keys() - FED


def test_every_op_has_words() -> None:
    assert [op.name for op in OPS.values() if not op.rule.__doc__] == []


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
@pytest.mark.parametrize("wide", [False, True])
def test_type_rule_tells_what_the_reference_gives(case: OpCase, wide: bool) -> None:
    node = case.node()
    value = node.op.reference(*case.arrays().values(), **node.attrs)
    assert np.shape(value) == node.shape
    if node.type.dtype == "bool":
        assert np.asarray(value).dtype == np.bool_
    got = evaluate(Graph("one", {"y": node}), case.arrays(), wide=wide)["y"]
    assert got.dtype == (np.float64 if wide and node.type.dtype == "f32" else node.type.numpy)


def x(*shape: int) -> Node:
    return ops.input_(shape=shape, name="x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ops.add(x(2, 3), x(3, 2)), "f32[2,3] does not match f32[3,2]"),
        (lambda: ops.reshape(x(2, 3), shape=(4,)), "cannot reshape f32[2,3] to [4]"),
        (lambda: ops.dot(x(2, 3), x(2, 3)), "3 columns meet 2 rows"),
        (lambda: ops.concat(x(2, 3), x(3, 3), axis=1), "differ outside axis 1"),
        (lambda: ops.broadcast(x(3), axes=(0,), shape=(2, 3)), "cannot broadcast f32[3] to [2,3] along [0]"),
        (lambda: ops.slice_(x(3), begin=(1,), end=(4,)), "is outside f32[3]"),
        (
            lambda: ops.conv(x(1, 3, 8, 8), x(4, 2, 3, 3), stride=(1, 1), pad=(0, 0), dilation=(1, 1)),
            "conv of f32[1,3,8,8] with filters f32[4,2,3,3] in 1 groups",
        ),
        (lambda: ops.conv(x(1, 1, 2, 2), x(1, 1, 3, 3), stride=(1, 1), pad=(0, 0), dilation=(1, 1)), "do not fit"),
        (lambda: ops.top_k(x(3), k=4, axis=0), "no 4 largest"),
        (lambda: ops.exp(x(3), axis=1), "exp: "),
    ],
)
def test_bad_operands_are_told_in_types(make: object, message: str) -> None:
    with pytest.raises(IRError) as error:
        make()  # type: ignore[operator]
    assert message in str(error.value).replace(", ", ",")


def test_numbers_take_the_shape_of_their_neighbour() -> None:
    node = 2 * x(2, 3) - 1
    assert [i.type for i in node.inputs] == [x(2, 3).type] * 2


def test_a_tie_goes_to_the_first_in_a_pool_and_to_the_last_in_top_k() -> None:
    value = np.zeros((1, 1, 2, 2))
    first = ops.pool.reference(value, kind="argmax", axes=(2, 3), size=(2, 2), stride=(2, 2), pad=((0, 0), (0, 0)))
    assert first.item() == 0
    first = ops.pool_tap.reference(value, axes=(2, 3), size=(2, 2), stride=(2, 2), pad=((0, 0), (0, 0)))
    assert first.item() == 0
    assert ops.top_k.reference(np.zeros(4), k=1, axis=0, what="index").item() == 3


def test_conv_dx_is_the_transpose_of_conv() -> None:
    rng = np.random.default_rng(1)
    attrs = {"stride": (2, 1), "pad": (1, 2), "dilation": (1, 2), "groups": 2}
    image, filters = rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(6, 2, 3, 2))
    y = ops.conv.reference(image, filters, **attrs)
    g = rng.normal(size=y.shape)
    back = ops.conv_dx.reference(g, filters, shape=image.shape, **attrs)
    assert np.allclose((y * g).sum(), (back * image).sum())


def test_conv_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(2)
    image, filters = rng.normal(size=(1, 2, 4, 5)), rng.normal(size=(3, 2, 2, 3))
    y = ops.conv.reference(image, filters, stride=(1, 2), pad=(1, 1), dilation=(2, 1), groups=1)
    padded = np.pad(image, [(0, 0), (0, 0), (1, 1), (1, 1)])
    for o, i, j in np.ndindex(*y.shape[1:]):
        block = padded[0, :, i : i + 3 : 2, 2 * j : 2 * j + 3]
        assert np.isclose(y[0, o, i, j], (block * filters[o]).sum())
