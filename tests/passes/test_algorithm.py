"""The cost model takes the algorithm that is known to be fastest, within its memory, the same one every time."""

from __future__ import annotations

import pytest

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.printer import print_program
from tcaffe.ir.program import Kernel, Program
from tcaffe.ir.target import cpu
from tcaffe.passes.algorithm import costs
from tcaffe.passes.pipeline import FAITHFUL, OPTIMISE, Pipeline, lower
from tests.graphs import spread, weight


def conv(x: Node, name: str, out: int, size: int, stride: int = 1, groups: int = 1) -> Node:
    """A convolution that keeps the image's size at stride 1, a bias and a rectifier."""
    attrs = {"stride": (stride,) * 2, "pad": (size // 2,) * 2, "dilation": (1, 1), "groups": groups}
    y = ops.conv(x, weight(f"{name}.w", out, x.shape[1] // groups, size, size), name=f"{name}.conv", **attrs)
    return ops.maximum(y + spread(weight(f"{name}.b", out), y), 0.0, name=name)


def compiled(y: Node, workers: int = 2, parameters: str = "fixed") -> Program:
    """The program that computes `y`."""
    return lower(Graph("net", {"out": y}), Pipeline(OPTIMISE.passes, parameters), target=cpu(workers))


def second(items: int, channels: int, size: int, *args: int, workers: int = 2, parameters: str = "fixed") -> Kernel:
    """The kernel of a convolution over an image that lies channels last."""
    data = ops.input_(shape=(items, 4, size, size), name="data")
    return compiled(conv(conv(data, "first", channels, 1), "second", *args), workers, parameters).kernels[-1]


@pytest.mark.parametrize(
    ("items", "channels", "size", "args", "algorithm"),
    [
        (1, 256, 56, (64, 1), "gemm"),
        (1, 256, 56, (128, 1, 2), "im2col"),
        (1, 64, 56, (64, 3), "winograd4"),
        (1, 512, 28, (512, 3), "winograd4"),
        (1, 256, 14, (256, 3), "winograd2"),
        (16, 256, 14, (256, 3), "winograd4"),
        (1, 64, 56, (64, 3, 2), "im2col"),
        (1, 96, 27, (256, 5, 1, 2), "winograd2"),
        (1, 16, 28, (32, 5), "im2col"),
        (1, 128, 28, (128, 3, 1, 128), "depthwise"),
        (1, 128, 28, (128, 3, 2, 128), "depthwise"),
    ],
)
def test_choices(items: int, channels: int, size: int, args: tuple[int, ...], algorithm: str) -> None:
    attrs = second(items, channels, size, *args).attrs
    assert f"{attrs['algorithm']}{attrs.get('winograd', '')}" == algorithm


@pytest.mark.parametrize(
    ("channels", "filters", "size", "kernel", "stride", "algorithm"),
    [
        (64, 192, 56, 3, 1, "winograd"),
        (16, 64, 56, 3, 1, "winograd"),
        (16, 32, 28, 5, 1, "im2col"),
        (256, 64, 28, 1, 1, "gemm"),
        (64, 64, 56, 3, 2, "spread"),
    ],
)
def test_choices_for_gradients_of_images(
    channels: int, filters: int, size: int, kernel: int, stride: int, algorithm: str
) -> None:
    """As a convolution with flipped filters where that is cheaper than spreading every pixel."""
    data = ops.input_(shape=(16, channels, size, size), name="data")
    y = ops.conv(
        data,
        weight("w", filters, channels, kernel, kernel),
        stride=(stride,) * 2,
        pad=(kernel // 2,) * 2,
        dilation=(1, 1),
    )
    dx = ops.conv_dx(y, y.inputs[1], shape=data.shape, **y.attrs)
    program = lower(Graph("net", {"dx": dx}), Pipeline(FAITHFUL.passes, "live"), target=cpu(2))
    assert program.kernels[-1].attrs.get("algorithm", "spread") == algorithm


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize(("items", "size"), [(1, 112), (1, 7), (16, 56)])
def test_every_worker_has_work_and_little_memory(workers: int, items: int, size: int) -> None:
    kernel = second(items, 64, size, 64, 3, workers=workers)
    tile = kernel.attrs["tile"]
    shape = (items, size, size, 64)
    count = 1
    for n, t in zip(shape, tile, strict=True):
        count *= -(-n // t)
    assert count >= workers
    assert sum(s.type.nbytes for s in kernel.scratch) <= costs.SCRATCH * workers


def test_parameters_that_change_are_not_transformed() -> None:
    assert second(1, 64, 56, 64, 3, parameters="settable").attrs["algorithm"] == "im2col"


def test_packed_parameters_are_prepared_once_for_all_that_read_them() -> None:
    x = ops.input_(shape=(1, 8, 8, 8), name="data")
    first = ops.conv(x, weight("e", 8, 8, 1, 1), stride=(1, 1), pad=(0, 0), dilation=(1, 1), name="first")
    w = weight("w", 8, 8, 1, 1)
    a, b = (ops.conv(v, w, stride=(1, 1), pad=(0, 0), dilation=(1, 1)) for v in (first, ops.exp(first)))
    program = compiled(ops.exp(a) * b)
    assert [p.name for p in program.params if p.name.startswith("w")] == ["w.rows"]
    assert list(program.prepare.outputs) == [p.name for p in program.params]


def test_the_same_graph_gives_the_same_program() -> None:
    def text() -> str:
        data = ops.input_(shape=(1, 3, 32, 32), name="data")
        return print_program(compiled(conv(conv(data, "a", 8, 3), "b", 8, 3)))

    assert text() == text()
