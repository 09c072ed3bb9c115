"""A kernel's function while it is written: its arguments, its names, its body and how it is launched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tcaffe.codegen.names import identifier
from tcaffe.codegen.source import Source
from tcaffe.codegen.triton.tiles import Run, Tile
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Place, Scratch

MAX_LINE = 120


@dataclass
class Function:
    """An emitted function of one kernel. `places` tells where stored values lie; parameters lie dense.

    `sizes` are the block sizes, arguments known at compile time; `programs` is how many programs the grid has.
    `found` are values that were computed beside others.
    `after` are functions of the same kernel that are started when this one is done; see `then`.
    """

    kernel: Kernel
    name: str
    places: Mapping[str, Place]
    body: Source = field(default_factory=Source)
    sizes: dict[str, int] = field(default_factory=dict)
    programs: int = 1
    warps: int = 4
    stages: int = 1
    pointers: dict[Node | Scratch, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    after: list[Function] = field(default_factory=list)
    found: dict[Node, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        reads = sorted(self.kernel.reads, key=lambda v: self.packed(v).op.name == "param")  # these come last
        values: list[Node | Scratch] = [*reads, *self.kernel.outputs, *self.kernel.scratch]
        for value in values:
            if value not in self.pointers:
                self.pointers[value] = self.fresh(f"{self._stored(value).name}_ptr")

    def then(self, what: str) -> Function:
        """A function that is started when this one is done: it sees all that this one has written."""
        self.after.append(Function(self.kernel, f"{self.name}_{what}", self.places))
        return self.after[-1]

    @property
    def all(self) -> list[Function]:
        """This function and those after it."""
        return [self, *self.after]

    def scratch(self, what: str) -> Scratch:
        """The kernel's scratch memory for `what`."""
        return next(s for s in self.kernel.scratch if s.name == f"{self.kernel.name}.{what}")

    @property
    def signature(self) -> tuple[str, ...]:
        """The lines of the function's head."""
        pointers, sizes = ", ".join(self.pointers.values()), ", ".join(f"{name}: tl.constexpr" for name in self.sizes)
        head = f"def {self.name}({pointers}, {sizes}):"
        return (head,) if len(head) <= MAX_LINE else (f"def {self.name}(", f"    {pointers},", f"    {sizes},", "):")

    @property
    def grain(self) -> int:
        """How many times as much a program does as it would on a GPU."""
        grain: int = self.kernel.attrs.get("grain", 1)
        return grain

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the values that the pointers point to, in order."""
        return tuple(self._stored(value).name for value in self.pointers)

    def _stored(self, value: Node | Scratch) -> Node | Scratch:
        return value if isinstance(value, Scratch) else self.packed(value)

    def packed(self, value: Node) -> Node:
        """`value`, or the parameter that holds it in the form the kernel reads."""
        return self.kernel.packing.get(value, value)

    def strides(self, value: Node) -> tuple[int, ...]:
        """Elements from one to the next along each axis of a value, as it is read or stored."""
        value = self.packed(value)
        steps = self.places[value.name].strides if value.op.name != "param" else value.type.strides
        return tuple(step // value.type.itemsize for step in steps)

    def fresh(self, hint: str) -> str:
        """A name nobody has used in this function, like `hint`."""
        name = identifier(hint, self.taken)
        self.taken.add(name)
        return name

    def let(self, hint: str, text: str) -> str:
        """Write a line that gives `text` a name, unless it is one or a number; the name."""
        if text.isidentifier() or text.isdigit():
            return text
        name = self.fresh(hint)
        self.body.line(f"{name} = {text}")
        return name

    def runs_over_own_operand(self) -> bool:
        """Whether a result lies over something that the kernel reads."""
        read = {self.places[value.name].buffer for value in self.kernel.inputs}
        return any(self.places[value.name].buffer in read for value in self.kernel.outputs)


def flat_tile(f: Function, axes: list[tuple[int, int]], block: int) -> Tile:
    """The tile of a program that takes `block` positions along `axes` (outermost first) as they come."""
    count = math.prod(n for _, n in axes)
    f.sizes["BLOCK"], f.programs = block, -(-count // block)
    name = f.let("element", "tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)")
    return Tile((Run(name, tuple(axes), within(name, count, block)),), ("BLOCK",))


def within(name: str, count: int, block: int) -> str:
    """The condition that a number is below `count`, needed where blocks do not divide it."""
    return f"{name} < {count}" if count % block else ""
