"""Folding: what is left of BatchNorm, Scale, Bias and Power next to a convolution or a dot."""

from __future__ import annotations

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.fold_affine import fold_affine
from tcaffe.passes.fuse import fuse
from tcaffe.passes.simplify import simplify
from tests.graphs import affine, convolved, deconvolved, spread, weight


def kernel_ops(graph: Graph) -> list[list[str]]:
    """The core ops of every kernel, without what costs nothing."""
    program = fuse(simplify(fold_affine(simplify(graph))))
    return [[n.op.name for n in k.nodes if n.op not in (ops.broadcast, ops.iota)] for k in program.kernels]


def image(*shape: int) -> Node:
    return ops.input_(shape=shape, name="x")


def test_batchnorm_behind_a_convolution_is_one_bias() -> None:
    y = affine(convolved(image(1, 2, 4, 4), "c", 3, 3, 1, 1), "bn")
    assert kernel_ops(Graph("g", {"y": y})) == [["conv", "add"]]


def test_batchnorm_behind_a_deconvolution_and_a_dot() -> None:
    assert kernel_ops(Graph("g", {"y": affine(deconvolved(image(1, 2, 4, 4), "d", 3), "bn")})) == [["conv_dx", "add"]]
    y = affine(ops.dot(image(2, 4), weight("w", 4, 3)), "bn")
    assert kernel_ops(Graph("g", {"y": y})) == [["dot", "add"]]


def test_mean_subtraction_before_an_unpadded_convolution_is_a_bias() -> None:
    x = image(1, 2, 4, 4)
    y = convolved((x - spread(weight("mean", 2), x)) * 0.5, "c", 3, 1, 1, 1)
    assert kernel_ops(Graph("g", {"y": y})) == [["conv", "add"]]


def test_a_shift_does_not_pass_padding() -> None:
    x = image(1, 2, 4, 4)
    y = convolved(x + spread(weight("b", 2), x), "c", 3, 3, 1, 1)
    assert kernel_ops(Graph("g", {"y": y})) == [["add"], ["conv", "add"]]


def test_a_convolution_others_read_keeps_its_filters() -> None:
    y = convolved(image(1, 2, 4, 4), "c", 3, 3, 1, 1)
    graph = Graph("g", {"scaled": affine(y, "bn").named("scaled"), "plain": y.named("plain")})
    assert ["conv", "add"] in kernel_ops(graph)


def test_a_scale_known_only_at_run_time_stays() -> None:
    x, s = image(1, 2, 4, 4), ops.input_(shape=(3,), name="s")
    y = convolved(x, "c", 3, 3, 1, 1)
    assert kernel_ops(Graph("g", {"y": y * spread(s, y)})) == [["conv", "add", "mul"]]
