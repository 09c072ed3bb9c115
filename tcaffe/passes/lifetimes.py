"""Lifetimes: from when to when each buffer of a program holds something that is still needed."""

from __future__ import annotations

from collections.abc import Mapping

from tcaffe.ir.node import Node
from tcaffe.ir.program import Buffer, Program


def buffers(program: Program, homes: Mapping[Node, str], sizes: Mapping[str, int]) -> tuple[Buffer, ...]:
    """The buffers of `program`, given which buffer each stored value lies in and how many bytes each takes.

    Inputs live from before the first kernel, outputs until after the last, scratch during its kernel. What lies in a
    buffer without a size, a parameter, has no lifetime.
    """
    born: dict[str, int] = {}
    dies: dict[str, int] = {}

    def live(name: str, time: int) -> None:
        born[name] = min(born.get(name, time), time)
        dies[name] = max(dies.get(name, time), time)

    for node in program.inputs:
        live(homes[node], 0)
    for time, kernel in enumerate(program.kernels):
        for value in (*kernel.inputs, *kernel.outputs):
            live(homes[value], time)
        for scratch in kernel.scratch:
            live(scratch.name, time)
    for value in program.outputs.values():
        live(homes[value], max(len(program.kernels) - 1, 0))
    return tuple(Buffer(name, sizes[name], born[name], dies[name] + 1) for name in born if name in sizes)
