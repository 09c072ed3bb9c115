"""Nets that show every frame: odd sizes, strides, paddings; random ones; every core op alone; LeNet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from tcaffe.codegen.triton.frames import missing
from tcaffe.frontend.load import load_net
from tcaffe.frontend.parameters import parameter_values
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.program import Program
from tcaffe.passes.layout import layout
from tcaffe.passes.pipeline import OPTIMISE
from tcaffe.passes.tiles.choose import parts_scratch
from tests.codegen.triton.run import Case, program_of
from tests.graphs import (
    POINTWISE,
    classified,
    feeds,
    image_graphs,
    leaky,
    pooled,
    rectified,
    softmax,
    spread,
    weight,
)
from tests.ir.cases import CASES

EXAMPLE = Path(__file__).parents[3] / "examples" / "lenet"
SETTINGS = settings(
    max_examples=12, deadline=None, phases=(Phase.generate,), database=None, suppress_health_check=list(HealthCheck)
)


def image(*shape: int) -> Node:
    return ops.input_(shape=shape, name="data")


def conv(x: Node, out: int, size: tuple[int, ...], name: str = "conv", **attrs: Any) -> Node:
    """A convolution with a bias; strides, pads and dilations are 1, 0 and 1 unless given."""
    rank = len(x.shape) - 2
    plain: dict[str, Any] = {"stride": (1,) * rank, "pad": (0,) * rank, "dilation": (1,) * rank, "groups": 1}
    full = plain | attrs
    y = ops.conv(x, weight(f"{name}.w", out, x.shape[1] // full["groups"], *size), name=name, **full)
    return y + spread(weight(f"{name}.b", out), y)


def learned_leak(x: Node) -> Node:
    """x, a multiple of it below zero that each channel has for itself."""
    return ops.select(x > 0.0, x, x * spread(weight("slope", x.shape[1]), x))


def residual(x: Node) -> Node:
    """Two convolutions of x, added and rectified: the sum may lie over its operand."""
    beside = conv(x, 5, (1, 1), "beside")
    return rectified(conv(beside, 5, (3, 3), "along", pad=(1, 1)) + beside, "")


def siblings(x: Node) -> dict[str, Node]:
    """Convolutions that become one, and a concatenation of what it is cut into."""
    parts = [rectified(conv(x, n, (1, 1), f"part{n}"), "") for n in (3, 8, 4)]
    return {"cat": ops.concat(*parts[:2], axis=1), "last": parts[2]}


def padded_pool(kind: str) -> Node:
    pads = ((2, 1), (1, 1))
    return ops.pool(image(2, 3, 7, 6), kind=kind, axes=(2, 3), size=(3, 2), stride=(2, 1), pad=pads)


def channel_statistics(x: Node) -> dict[str, Node]:
    """The means over pixels of channels and of their squares, of an image that lies channels last."""
    y = conv(x, 40, (1, 1), "conv")
    sums = {"mean": ops.reduce_sum(y, axes=(0, 2, 3)), "square": ops.reduce_sum(y * y, axes=(0, 2, 3))}
    return {name: total * (1 / 576) for name, total in sums.items()}


def labels(count: int) -> Node:
    return ops.input_(shape=(count,), name="labels")


def dots(rows: int, depth: int, columns: int, *lead: int) -> Node:
    x = ops.input_(shape=(*lead, rows, depth), name="x")
    return ops.tanh(ops.dot(x, ops.input_(shape=(*lead, depth, columns), name="y")))


def nets() -> dict[str, Graph]:
    """What is tested, by name."""
    x = image(2, 5, 9, 8)
    outputs: dict[str, Node | dict[str, Node]] = {
        "conv plain": conv(x, 7, (3, 3)),
        "conv 1x1": conv(x, 7, (1, 1)),
        "conv of one pixel": conv(image(1, 3, 1, 1), 4, (1, 1)),
        "conv of one channel to one": conv(image(3, 1, 6, 5), 1, (2, 3)),
        "conv everything": conv(x, 3, (3, 2), stride=(2, 3), pad=(2, 1), dilation=(2, 1)),
        "conv tap by tap": conv(image(1, 40, 5, 6), 3, (3, 3), stride=(2, 1), pad=(1, 2), dilation=(1, 2)),
        "conv tap by tap to a pixel": conv(image(1, 40, 1, 2), 3, (3, 3), pad=(1, 1), stride=(1, 2)),
        "conv of an image": rectified(conv(conv(x, 6, (3, 3), "first"), 20, (3, 3), "second", pad=(1, 1)), ""),
        "conv in groups": conv(image(2, 6, 5, 5), 9, (3, 3), groups=3, pad=(1, 1)),
        "conv in groups, tap by tap": conv(image(1, 64, 4, 4), 10, (2, 2), groups=2, pad=(1, 0)),
        "conv of every channel": conv(image(2, 6, 5, 5), 6, (3, 3), groups=6, stride=(2, 2)),
        "conv along a line": conv(image(2, 3, 11), 4, (3,), stride=(2,), pad=(1,)),
        "conv in space": conv(image(1, 2, 4, 5, 6), 3, (2, 3, 2), pad=(1, 0, 1), stride=(1, 2, 1)),
        "leaky": leaky(conv(x, 4, (3, 3)), ""),
        "learned leak": learned_leak(conv(x, 4, (3, 3))),
        "residual": residual(x),
        "siblings": siblings(x),
        "pool behind": pooled(rectified(conv(x, 4, (2, 2)), ""), "max", 3, 2),
        "pool of everything": pooled(x, "average", 9, 1),
        "dot": dots(5, 7, 9),
        "dot of one": dots(1, 1, 1),
        "dot of items": dots(3, 20, 4, 2, 3),
        "dot long": dots(70, 300, 33),
        "classifier": softmax(classified(conv(x, 3, (3, 3)), "fc", 11), ""),
        "softmax in place": softmax(conv(x, 7, (1, 1)), ""),
        "statistics": ops.reduce_sum(ops.exp(ops.reduce_max(x, axes=(0, 2))), axes=(0, 1)),
        "to one number": ops.reduce_sum(x * x, axes=(0, 1, 2, 3)),
        "long rows": softmax(image(3, 40000), ""),
        "a long sum": ops.reduce_sum(image(1, 2, 150, 150), axes=(2, 3)) * 0.01,
        "the largest of many": ops.reduce_max(image(1, 70000), axes=(0, 1)),
        "statistics of channels": channel_statistics(image(4, 40, 12, 12)),
        "a long row ranked": ops.top_k(image(2, 5000), k=3, axis=1),
        "narrow rows scattered": ops.scatter_add(image(5, 1), ops.cast(labels(5), dtype="i32"), size=3),
        "nothing": ops.exp(image(2, 0, 3)),
        "steps": x + ops.iota(axis=3, shape=x.shape) * ops.iota(axis=1, shape=x.shape),
        "joined inputs": ops.concat(image(2, 3, 4), ops.input_(shape=(2, 2, 4), name="other"), axis=1),
        "a number": ops.const(value=2.5, shape=(3, 4)),
        "powers": {f"p{k}": power(x, e) for k, e in enumerate((0.25, -0.75, 0.5, 2.0, -3.0, 5.0, -6.0, 1.3))},
    }
    for kind in ("max", "sum", "average", "argmax"):
        outputs[f"{kind} pool"] = padded_pool(kind)
        outputs[f"{kind} pool inside"] = pooled(x, kind, 2, 2)
    outputs |= {f"layer {f.__name__}": f(f(conv(x, 6, (1, 1)), "a"), "b") for f in POINTWISE}
    return {name: Graph(name, y if isinstance(y, dict) else {"out": y}) for name, y in outputs.items()}


def power(x: Node, exponent: float) -> Node:
    """The power of something positive; of anything, where the exponent is whole."""
    base = x if exponent == int(exponent) else ops.exp(x)
    return ops.pow_(base, ops.const(value=exponent, shape=x.shape))


def random_nets() -> dict[str, Graph]:
    """Nets of a few layers, always the same ones, of which every kernel can be written."""
    found: dict[str, Graph] = {}

    @SETTINGS
    @given(image_graphs())
    def collect(graph: Graph) -> None:
        if writable(graph):
            found[f"random {len(found)}"] = graph

    collect()
    return found


def writable(graph: Graph, passes: tuple = OPTIMISE.passes) -> bool:
    """Whether there is code for every kernel of a graph."""
    program = program_of(graph, passes)
    return not any(missing(kernel, program.places) for kernel in program.kernels)


def single_ops() -> dict[str, Case]:
    """Every core op alone, with its operands as they come."""
    graphs = [(case, Graph("op", {"y": case.node()})) for case in CASES]
    return {f"op {c.id}": Case(g, c.arrays(), (layout,)) for c, g in graphs if writable(g, (layout,))}


def not_a_number() -> Case:
    """One element of an image is not a number, and so is all that becomes of it."""
    graph = Graph("net", {"out": pooled(rectified(image(1, 2, 4, 4), ""), "max", 2, 2)})
    feed = feeds(graph)
    feed["data"][0, 1, 2, 3] = np.nan
    return Case(graph, feed)


def in_parts(program: Program) -> Program:
    """The program with the sums of its products in three parts."""
    kernels = []
    for kernel in program.kernels:
        if "tile" in kernel.attrs and "parts" not in kernel.attrs:
            kernel = replace(kernel, attrs={**kernel.attrs, "parts": 3}, scratch=(parts_scratch(kernel, 3),))
        kernels.append(kernel)
    return replace(program, kernels=tuple(kernels))


def transposed(g: Node, channels: int, size: tuple[int, ...], image: tuple[int, ...], **attrs: Any) -> Node:
    """The transpose of a convolution of images of this size, with a bias."""
    rank = len(size)
    plain: dict[str, Any] = {"stride": (1,) * rank, "pad": (0,) * rank, "dilation": (1,) * rank, "groups": 1}
    full = plain | attrs
    w = weight("up.w", g.shape[1], channels // full["groups"], *size)
    y = ops.conv_dx(g, w, shape=(g.shape[0], channels, *image), name="up", **full)
    return y + spread(weight("up.b", channels), y)


def windows_of(x: Node, channels: int, size: tuple[int, ...], **attrs: Any) -> tuple[dict[str, Any], Node, Node]:
    """All attributes of a convolution of x, its gradient, and its filters."""
    rank = len(size)
    full: dict[str, Any] = {"stride": (1,) * rank, "pad": (0,) * rank, "dilation": (1,) * rank, "groups": 1} | attrs
    w = weight("w", channels, x.shape[1] // full["groups"], *size)
    g = ops.input_(shape=ops.conv(x, w, **full).shape, name="g")
    return full, g, w


def both_gradients(x: Node, channels: int, size: tuple[int, ...], **attrs: Any) -> dict[str, Node]:
    """What a convolution gives back to its image and to its filters."""
    full, g, w = windows_of(x, channels, size, **attrs)
    return {"dx": ops.conv_dx(g, w, shape=x.shape, **full), "dw": ops.conv_dw(x, g, shape=w.shape, **full)}


def gradients() -> dict[str, Graph]:
    """Gradients of convolutions of every kind."""
    x = image(2, 5, 9, 8)
    found = {
        "plain": both_gradients(x, 7, (3, 3)),
        "1x1": both_gradients(x, 7, (1, 1)),
        "1x1 in steps": both_gradients(x, 7, (1, 1), stride=(2, 2)),
        "in steps": both_gradients(x, 4, (3, 3), stride=(2, 2), pad=(1, 1)),
        "in long steps": both_gradients(x, 4, (2, 3), stride=(3, 4), pad=(0, 1)),
        "dilated": both_gradients(x, 3, (3, 2), pad=(2, 1), dilation=(2, 1)),
        "everything": both_gradients(x, 3, (3, 2), stride=(2, 3), pad=(2, 1), dilation=(2, 2)),
        "in groups": both_gradients(image(2, 6, 5, 5), 9, (3, 3), groups=3, pad=(1, 1), stride=(2, 1)),
        "tap by tap": both_gradients(image(1, 40, 5, 6), 36, (3, 3), stride=(2, 1), pad=(1, 2)),
        "in groups, tap by tap": both_gradients(image(1, 64, 4, 4), 64, (2, 2), groups=2, pad=(1, 0)),
        "of every channel": both_gradients(image(2, 6, 5, 5), 6, (3, 3), groups=6, stride=(2, 2), pad=(1, 1)),
        "of every channel twice": both_gradients(image(2, 3, 5, 5), 6, (2, 3), groups=3, dilation=(1, 2)),
        "along a line": both_gradients(image(2, 3, 11), 4, (3,), stride=(2,), pad=(1,)),
        "in space": both_gradients(image(1, 2, 4, 5, 6), 3, (2, 3, 2), pad=(1, 0, 1), stride=(1, 2, 1)),
    }
    up = rectified(transposed(x, 4, (4, 4), (18, 16), stride=(2, 2), pad=(1, 1)), "")
    return {f"gradients {name}": Graph("net", y) for name, y in found.items()} | {"up": Graph("net", {"out": up})}


PARTED = ("conv everything", "conv in groups, tap by tap", "dot long", "siblings", "gradients in steps",
          "gradients of every channel", "gradients in groups", "up")  # fmt: skip
NETS = {name: Case(graph, feeds(graph)) for name, graph in {**nets(), **gradients(), **random_nets()}.items()}
NETS["not a number"] = not_a_number()
NETS |= {f"{name}, in parts": replace(NETS[name], change=in_parts) for name in PARTED}
OPS = single_ops()


def lenet(batch: int) -> Case:
    """The net with its trained weights and as many digits, as they are fed to it."""
    net = load_net(EXAMPLE / "deploy.prototxt", inputs={"data": (batch, 1, 28, 28)})
    weights = parameter_values(net, EXAMPLE / "lenet_digits.caffemodel", np.random.default_rng(0))
    with np.load(EXAMPLE / "digits.npz") as digits:
        small = digits["images"][:batch] / 16.0
    images = np.pad(small.repeat(3, 1).repeat(3, 2), [(0, 0), (2, 2), (2, 2)])[:, None]
    graph = net.graph.with_outputs({name: net.blobs[name] for name in net.outputs})
    return Case(graph, {**weights, "data": images})
