"""Sharing bytes: residual sums in place, concatenations stored in parts, flattening for free."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.passes.alias import alias
from tcaffe.passes.fuse import fuse
from tcaffe.passes.layout import layout
from tcaffe.passes.permute_weights import permute_weights
from tcaffe.passes.strides import reshaped_strides
from tests.graphs import classified, convolved
from tests.passes.nets import fire, residual


def test_a_residual_sum_lies_over_its_operand() -> None:
    places = alias(fuse(layout(residual()))).places
    assert places["out1"].buffer == places["out2"].buffer == "out0"


def test_the_parts_of_a_concatenation_are_stored_where_they_belong() -> None:
    program = alias(fuse(layout(fire())))
    assert [k.name for k in program.kernels if k.anchor is not None and k.anchor.op is ops.concat] == []
    assert program.places["r1"].buffer == program.places["r3"].buffer == "cat"
    assert program.places["r3"].offset == 4 * 4
    assert program.places["r3"].strides == program.places["cat"].strides


def test_flattening_for_a_dot_is_a_view() -> None:
    x = ops.input_(shape=(2, 3, 4, 4), name="x")
    y = classified(convolved(x, "c", 4, 3, 1, 1).named("c"), "fc", 5)
    program = alias(fuse(layout(permute_weights(Graph("g", {"y": y})))))
    assert len(program.kernels) == 2
    assert {program.places[v.name].buffer for v in program.views} == {"c"}


shapes = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4)


@given(shapes, st.data())
def test_a_reshaped_view_shows_the_elements_in_order(shape: list[int], data: st.DataObject) -> None:
    """Whenever strides are found they are right, and they are found for every dense array."""
    order = data.draw(st.permutations(range(len(shape))))
    dense = np.arange(int(np.prod(shape)), dtype=np.float32).reshape([shape[i] for i in order])
    array = dense.transpose(np.argsort(order))
    n = array.size
    new = data.draw(st.sampled_from([(n,), (1, n), (n, 1), tuple(sorted(shape)), tuple(shape)]))
    strides = reshaped_strides(array.shape, array.strides, new)
    if strides is not None:
        view = np.lib.stride_tricks.as_strided(dense, new, strides)
        np.testing.assert_array_equal(view, array.reshape(new))
    else:
        assert list(order) != sorted(order)
