"""Programs: kernels in order, the parameters they read, and where every byte lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.types import TensorType


@dataclass(frozen=True, slots=True)
class Scratch:
    """Memory a kernel needs while it runs, and nobody after it: an im2col block, a Winograd tile buffer."""

    name: str
    type: TensorType


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a function on a GPU: `programs` of `warps` warps each.

    `pointers` names the values, parameters and scratch it is given, in the order of its arguments; `constants` are the
    arguments that are known at compile time, block sizes. `stages` is how many steps of a loop are loaded ahead.
    A launch of no programs stands for results without elements: nothing is started.
    """

    function: str
    programs: int
    pointers: tuple[str, ...]
    constants: dict[str, int]
    warps: int
    stages: int


@dataclass(frozen=True, eq=False)
class Kernel:
    """A region of the graph that is computed together, in one function.

    It has at most one `anchor` (a convolution, a dot, a pool, a reduction ...) with pointwise work before and after
    it, and stores `outputs`. `attrs` say how it is computed (`algorithm`, tile sizes); `packing` maps what the region
    reads to the parameter or stored value that holds it in the form the algorithm wants.
    Invariant: `nodes` stand in order, and every input of a node is a node before it, a parameter, or a stored value.
    """

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[Node, ...]
    anchor: Node | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    packing: Mapping[Node, Node] = field(default_factory=dict)
    scratch: tuple[Scratch, ...] = ()

    @cached_property
    def reads(self) -> tuple[Node, ...]:
        """What the region takes from outside, in order of first use: stored values and parameters, no constants."""
        inside = set(self.nodes)
        seen = {i: None for node in self.nodes for i in node.inputs if i not in inside and i.op.name != "const"}
        return tuple(seen)

    @cached_property
    def packed(self) -> tuple[Node, ...]:
        """What it reads, each in the form it is read."""
        return tuple(self.packing.get(n, n) for n in self.reads)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The stored values it reads."""
        return tuple(n for n in self.packed if n.op.name != "param")

    @property
    def params(self) -> tuple[Node, ...]:
        """The parameters it reads."""
        return tuple(n for n in self.packed if n.op.name == "param")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies: `offset` bytes into a buffer, with a step in bytes along each axis."""

    buffer: str
    offset: int
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """A stretch of the arena, live from kernel `start` up to, not including, kernel `end`."""

    name: str
    size: int
    start: int
    end: int
    offset: int = 0


@dataclass(frozen=True)
class MemoryPlan:
    """The arena: every buffer with its offset, and the proof of how good that is.

    `naive` is what one buffer a blob, as Caffe holds them, would take (0 where nobody asked); all sizes are bytes.
    """

    size: int
    lower_bound: int
    certificate: str
    naive: int
    buffers: tuple[Buffer, ...]

    @cached_property
    def offsets(self) -> Mapping[str, int]:
        """Bytes from the start of the arena to each buffer."""
        return {b.name: b.offset for b in self.buffers}

    @property
    def peak(self) -> int:
        """The first kernel during which most bytes are live."""
        last = max((b.end for b in self.buffers), default=1)
        live = [sum(b.size for b in self.buffers if b.start <= t < b.end) for t in range(last)]
        return live.index(max(live)) if live else 0


@dataclass(frozen=True, eq=False)
class Program:
    """An ordered list of kernels and everything needed to run them.

    `prepare` computes, once and from the net's own parameters alone, the parameters the kernels read (its outputs
    are named like them). `views` are values that are the bytes of another value, or of a parameter, under another
    shape. `places` tells where every stored value lies, `plan` where its buffer does.
    Invariant: every stored value has a name of its own.
    """

    name: str
    kernels: tuple[Kernel, ...]
    inputs: tuple[Node, ...]
    outputs: Mapping[str, Node]
    prepare: Graph
    views: tuple[Node, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    plan: MemoryPlan | None = None

    @property
    def params(self) -> tuple[Node, ...]:
        """The parameters the kernels read, in order of first use, then those views look at, as `prepare` has them."""
        viewed = {i.name: i for view in self.views for i in view.inputs if i.op.name == "param"}
        prepared = (viewed[name] for name in self.prepare.outputs if name in viewed)
        return tuple(dict.fromkeys((*(p for kernel in self.kernels for p in kernel.params), *prepared)))

    @property
    def stored(self) -> tuple[Node, ...]:
        """Every value that lies in the arena: inputs, what kernels store, views."""
        return (*self.inputs, *(v for kernel in self.kernels for v in kernel.outputs), *self.views)

    @property
    def nbytes(self) -> int:
        """Bytes that a run takes: the arena, once it is planned, and the parameters as the kernels read them."""
        return (self.plan.size if self.plan else 0) + sum(p.type.nbytes for p in self.params)

    def with_kernels(self, kernels: tuple[Kernel, ...]) -> Program:
        """The same program with other kernels; what was planned for the old ones is dropped."""
        return replace(self, kernels=kernels, places={}, plan=None)
