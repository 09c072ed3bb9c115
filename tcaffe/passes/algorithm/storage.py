"""What is known about where a kernel's operands and results will lie, before places are decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program
from tcaffe.ir.slots import chain_nodes

ARRANGEMENTS = ("reshape", "slice", "transpose")


@dataclass(frozen=True)
class Storage:
    """`needs_home`: the anchor's block must not be computed where the result is stored. `image_flat`: the image lies
    as rows of channels, evenly spaced within each item. `output_dense`: the result is no part of something bigger.
    `even`: image and result are evenly spaced over all items. `copied`: work goes on in a temporary until the end,
    because it is slow in short rows that lie apart.
    """

    needs_home: bool
    image_flat: bool
    output_dense: bool
    even: bool
    copied: bool

    @property
    def attrs(self) -> dict[str, str]:
        """How the result is stored, where that is not plain."""
        return {"store": "copy"} if self.copied else {}


class Surroundings:
    """Who makes and who reads each value of a program."""

    def __init__(self, program: Program) -> None:
        self.makers: dict[Node, Kernel] = {v: k for k in program.kernels for v in k.outputs}
        self.readers: dict[Node, list[Kernel]] = {}
        for kernel in program.kernels:
            for value in kernel.inputs:
                self.readers.setdefault(value, []).append(kernel)

    def storage(self, kernel: Kernel) -> Storage:
        """What is known for a kernel with an anchor."""
        anchor = kernel.anchor
        assert anchor is not None
        image = self.origin(anchor.inputs[0])
        channels_only = all(self._concat_axes(v) <= {1} for v in (*kernel.outputs, image))
        flat = image not in self.makers or not _is_arrangement(self.makers[image])
        dense = not any(self._concat_axes(v) for v in kernel.outputs)
        copied = not dense and len(chain_nodes(kernel)) > 1
        home = needs_home(kernel) or not channels_only or copied
        return Storage(home, flat, dense, channels_only and flat, copied)

    def origin(self, value: Node) -> Node:
        """The value itself, or the one that it keeps."""
        return self.origin(value.inputs[0]) if value.op.name == "keep" else value

    def rows(self, value: Node) -> bool:
        """Whether `value` lies as rows of channels, evenly spaced over all items."""
        value = self.origin(value)
        order = (0, *range(2, len(value.shape)), 1)
        arranged = value in self.makers and _is_arrangement(self.makers[value])
        return value.type.axes_in_memory == order and not arranged and self._concat_axes(value) <= {1}

    def dense(self, value: Node, order: tuple[int, ...]) -> bool:
        """Whether `value` lies in `order` without gaps."""
        value = self.origin(value)
        arranged = value in self.makers and _is_arrangement(self.makers[value])
        return value.type.axes_in_memory == order and not arranged and not self._concat_axes(value)

    def _concat_axes(self, value: Node) -> set[int]:
        """The axes along which `value` may become part of a concatenation."""
        found = set()
        for kernel in self.readers.get(value, ()):
            node = kernel.nodes[-1]
            if node.op.name == "concat":
                found.add(node.attrs["axis"])
        return found


def needs_home(kernel: Kernel) -> bool:
    """Whether the anchor's result must not be computed in the place of the kernel's own result.

    That place may hold an operand that the pointwise work still reads, or there are several results, or another shape.
    """
    chain = chain_nodes(kernel)
    stored = [v for v in kernel.outputs if v in chain]
    aside = [v for v in kernel.outputs if v not in chain and v.op.name != "pool_tap"]
    if len(stored) != 1 or aside:
        return True
    inside: Mapping[Node, None] = dict.fromkeys(kernel.nodes)
    return any(
        i.op.name != "const" and i not in inside and i.shape == n.shape
        for n in chain
        if n is not kernel.anchor
        for i in n.inputs
    )


def _is_arrangement(kernel: Kernel) -> bool:
    return len(kernel.nodes) == 1 and kernel.nodes[0].op.name in ARRANGEMENTS
