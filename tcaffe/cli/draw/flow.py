"""What is drawn of a program: a box for every input, kernel, elided concatenation and output, and arrows between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tcaffe.cli.cost import flops
from tcaffe.cli.units import bytes_, count
from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program

ARRANGEMENTS = (ops.reshape, ops.transpose, ops.slice_, ops.concat, ops.pad, ops.broadcast)
KINDS = {
    "input": "input",
    "output": "output",
    "conv": "convolution",
    "depthwise": "depthwise convolution",
    "deconv": "deconvolution",
    "dot": "matrix product",
    "pool": "pooling",
    "reduce": "reduction",
    "pointwise": "element by element",
    "index": "lookup or sort",
    "copy": "copy",
    "view": "elided: no bytes, no work",
    "scratch": "scratch",
}
"""Kinds of boxes and buffers, which are also colours, and their names in the legend."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: what it says, line by line, and which kernel it stands for, if any."""

    kind: str
    title: str
    lines: tuple[str, ...] = ()
    kernel: int | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    """Box number `source` makes `value`, which box number `target` reads."""

    source: int
    target: int
    value: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Boxes, each after those it reads from, and the arrows between them."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def flow_of(program: Program, layers: Sequence[Sequence[str]]) -> Flow:
    """The boxes and arrows of `program`; `layers` are the words to say of each kernel's layers."""
    drawing = Drawing(program)
    for node in program.inputs:
        drawing.add(Box("input", node.name, (shape_of(node), bytes_(node.type.nbytes))), (), (node,))
    for index, (kernel, words) in enumerate(zip(program.kernels, layers, strict=True)):
        drawing.add(kernel_box(kernel, words, index), kernel.inputs, kernel.outputs)
    for name, node in program.outputs.items():
        drawing.add(Box("output", name, (shape_of(node),)), (node,), ())
    return Flow(program.name, tuple(drawing.boxes), tuple(drawing.arrows))


def kernel_box(kernel: Kernel, layers: Sequence[str], index: int) -> Box:
    """The box of a kernel."""
    work = flops(kernel.nodes)
    size = shape_of(kernel.outputs[0])
    more = f" and {len(kernel.outputs) - 1} more" if len(kernel.outputs) > 1 else ""
    done = " · ".join(part for part in (algorithm(kernel), f"{count(work)}FLOP" if work else "") if part)
    lines = (" + ".join(layers), f"{size}{more}", done)
    title, *others = kernel.name.split("+")  # the layers' types, below, tell what else is in it
    return Box(kind_of(kernel), f"{title} …" if others else title, tuple(line for line in lines if line), index)


def shape_of(node: Node) -> str:
    """The shape of a value, and its element type unless that is f32."""
    sizes = "×".join(map(str, node.shape)) or "scalar"
    return sizes if node.type.dtype == "f32" else f"{sizes} {node.type.dtype}"


def algorithm(kernel: Kernel) -> str:
    """How a kernel is computed, in a word."""
    return str(kernel.attrs.get("algorithm", ""))


def kind_of(kernel: Kernel) -> str:
    """What a kernel mostly does."""
    anchor = kernel.anchor
    if anchor is None:
        return "copy" if all(n.op in ARRANGEMENTS for n in kernel.nodes) else "pointwise"
    match anchor:
        case Node(ops.conv, (x, _), {"groups": groups}):
            return "depthwise" if groups > 1 and groups == x.shape[1] else "conv"
        case Node(ops.conv_dx):
            return "deconv"
    return {"dot": "dot", "pool": "pool"}.get(anchor.op.name, anchor.op.family)


def kinds(program: Program) -> Mapping[str, str]:
    """The kind of each buffer by its name: that of whatever stores into it first."""
    found = {program.places[n.name].buffer: "input" for n in program.inputs}
    for kernel in program.kernels:
        for value in kernel.outputs:
            found.setdefault(program.places[value.name].buffer, kind_of(kernel))
        for scratch in kernel.scratch:
            found.setdefault(scratch.name, "scratch")
    return found


class Drawing:
    """Boxes and arrows while they are collected."""

    def __init__(self, program: Program) -> None:
        self.views = set(program.views)
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []
        self._makers: dict[Node, int] = {}

    def add(self, box: Box, reads: Iterable[Node], makes: Iterable[Node]) -> None:
        """Add a box, after the elided concatenations it reads from."""
        sources = {(self._maker(node), node.name) for value in reads for node in self._seen_through(value)}
        self.boxes.append(box)
        here = len(self.boxes) - 1
        self.arrows += [Arrow(source, here, name) for source, name in sorted(sources)]
        self._makers.update((node, here) for node in makes)

    def _seen_through(self, value: Node) -> Iterator[Node]:
        """What a chain of reshapes, slices and transposes looks at in the end."""
        while value not in self._makers and value in self.views and value.op is not ops.concat:
            value = value.inputs[0]
        if value.op.name != "param":
            yield value

    def _maker(self, value: Node) -> int:
        if value not in self._makers:
            self.add(Box("view", value.name, (f"{value.op.name}, elided", shape_of(value))), value.inputs, (value,))
        return self._makers[value]
