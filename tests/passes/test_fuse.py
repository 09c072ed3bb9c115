"""Fusion: which nodes become one kernel."""

from __future__ import annotations

from hypothesis import given, settings

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node, naming
from tcaffe.ir.program import Program
from tcaffe.ir.verify import verify_program
from tcaffe.passes.fuse import fuse
from tcaffe.passes.fuse_pools import fuse_pools
from tcaffe.passes.fuse_taps import fuse_taps
from tcaffe.passes.layout import layout
from tcaffe.passes.merge_siblings import merge_siblings
from tests.graphs import convolved, image_graphs, normalised, pooled, rectified, softmax


def kernels(program: Program) -> list[str]:
    return [k.name for k in program.kernels]


def image(*shape: int) -> Node:
    return ops.input_(shape=shape, name="x")


def conv(x: Node, name: str, out: int = 4, size: int = 3) -> Node:
    with naming(name):
        return convolved(x, name, out, size, 1, 1).named(name)


def test_bias_activation_and_residual_join_the_later_convolution() -> None:
    x = image(1, 4, 6, 6)
    a = rectified(conv(x, "a"), "").named("relu")
    total = (conv(a, "b") + a).named("sum")
    assert kernels(fuse(Graph("g", {"out": rectified(total, "").named("out")}))) == ["a+relu", "b+sum+out"]


def test_a_value_two_kernels_read_ends_its_chain() -> None:
    a = conv(image(1, 4, 6, 6), "a")
    both = Graph("g", {"r": rectified(a, "").named("r"), "s": (a * a).named("s")})
    assert kernels(fuse(both)) == ["a", "r", "s"]


def test_softmax_and_lrn_are_one_kernel_each() -> None:
    assert len(fuse(Graph("g", {"y": softmax(image(2, 5), "")})).kernels) == 1
    assert len(fuse(Graph("g", {"y": normalised(image(1, 5, 4, 4), "")})).kernels) == 1


def test_a_parameter_as_an_output_is_stored_by_a_copy() -> None:
    program = verify_program(fuse(Graph("g", {"w": ops.param(shape=(3,), name="w")})))
    assert [n.op.name for n in program.kernels[0].nodes] == ["broadcast"]


def test_narrow_siblings_become_one_convolution_cut_in_slices() -> None:
    x = image(1, 4, 6, 6)
    branches = {name: rectified(conv(x, name, 8, 1), "").named(f"{name}.r") for name in "ab"}
    program = fuse(layout(merge_siblings(Graph("g", branches))))
    assert [n.op.name for n in program.kernels[0].nodes if n.op is not ops.broadcast] == [
        "conv", "add", "maximum", "slice", "slice",
    ]  # fmt: skip
    assert list(program.outputs) == ["a", "b"]


def test_a_slice_of_a_slice_is_not_a_slice_of_the_convolution() -> None:
    half = ops.slice_(conv(image(1, 4, 6, 6), "c", 8), begin=(0, 4, 0, 0), end=(1, 8, 6, 6)).named("half")
    quarter = ops.slice_(half, begin=(0, 2, 0, 0), end=(1, 4, 6, 6)).named("quarter")
    assert kernels(fuse(layout(Graph("g", {"quarter": quarter})))) == ["c+half", "quarter"]


def test_a_pool_joins_its_convolution_where_that_lowers_the_peak() -> None:
    big = Graph("g", {"p": pooled(conv(image(1, 1, 16, 16), "c", 8), "max", 2, 2).named("p")})
    assert kernels(fuse_pools(fuse(layout(big)))) == ["c+p"]
    later = conv(pooled(conv(image(1, 1, 8, 8), "c", 1), "max", 2, 2).named("p"), "d", 64)
    assert kernels(fuse_pools(fuse(layout(Graph("g", {"d": later}))))) == ["c", "p", "d"]


def test_a_pool_of_some_channels_stays_apart() -> None:
    x = image(2, 4, 12, 12)
    some = ops.slice_(conv(x, "a", 8), begin=(0, 3, 0, 0), end=(2, 6, 12, 12)).named("some")
    program = fuse_pools(fuse(layout(Graph("g", {"out": pooled(some, "max", 2, 2).named("out")}))))
    assert kernels(program) == ["a+some", "out"]


def test_a_number_that_is_multiplied_is_written_first() -> None:
    ones = ops.const(value=1.0, shape=(2, 3)).named("ones")
    w = ops.input_(shape=(3, 4), name="w")
    program = fuse(Graph("g", {"out": ops.dot(ones, w).named("out")}))
    assert len(program.kernels) == 2 and program.kernels[1].inputs


def test_a_pool_finds_its_maxima_and_where_they_are_at_once() -> None:
    x = image(1, 4, 6, 6)
    window = {"axes": (2, 3), "size": (2, 2), "stride": (2, 2), "pad": ((0, 0), (0, 0))}
    y = rectified(ops.pool(x, kind="max", name="p", **window), "").named("r")
    other = ops.pool_tap(x, name="o", **window | {"stride": (1, 1)})
    taps = ops.pool_tap(x, name="t", **window)
    dx = ops.unpool(y, taps, shape=x.shape, name="dx", **window)
    program = verify_program(fuse_taps(fuse(layout(Graph("g", {"dx": dx, "o": other})))))
    assert {k.name: [v.name for v in k.outputs] for k in program.kernels} == {
        "p+r": ["r", "t"], "dx": ["dx"], "o": ["o"],
    }  # fmt: skip


@given(image_graphs())
@settings(max_examples=50, deadline=None)
def test_every_node_is_in_one_kernel_and_nothing_is_read_before_it_is_stored(graph: Graph) -> None:
    verify_program(fuse(layout(graph)))
