"""Linking: a planned program and its emitted functions become the manifest that the runtime runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import numpy as np

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Launch, Program
from tcaffe.ir.types import TensorType
from tcaffe.runtime.manifest import Call, Manifest, Parameter, View, aligned


def link(
    program: Program,
    functions: Iterable[str],
    target: str = "cpu",
    workers: int = 1,
    unused: tuple[str, ...] = (),
    launches: Sequence[tuple[Launch, ...]] = (),
) -> Manifest:
    """The manifest of a planned program whose kernels were emitted as `functions`, in the same order.

    For a GPU, `launches` are those of each kernel.
    """
    if program.plan is None:
        raise ValueError(f"program {program.name!r} is not planned")
    return Manifest(
        name=program.name,
        target=target,
        workers=workers,
        inputs=tuple(node.name for node in program.inputs),
        outputs={name: node.name for name, node in program.outputs.items()},
        views=tuple(_views(program)),
        params=tuple(_params(program)),
        calls=tuple(map(_call, program.kernels, functions, launches or repeat(()))),
        plan=program.plan,
        unused=unused,
    )


def _views(program: Program) -> Iterator[View]:
    for node in program.stored:
        yield _view(program, node.name, node.type)
    for kernel in program.kernels:
        for scratch in kernel.scratch:
            yield _view(program, scratch.name, scratch.type)


def _view(program: Program, name: str, kind: TensorType) -> View:
    assert program.plan is not None
    place, offsets = program.places[name], program.plan.offsets
    param = "" if place.buffer in offsets else place.buffer
    offset = place.offset + offsets.get(place.buffer, 0)
    return View(name, np.dtype(kind.numpy).name, kind.shape, place.strides, offset, param)


def _params(program: Program) -> Iterator[Parameter]:
    """Every parameter the kernels read, one after the other, each on a border of the alignment."""
    offset = 0
    for node in program.params:
        yield Parameter(node.name, np.dtype(node.type.numpy).name, node.shape, offset)
        offset += aligned(node.type.nbytes)


def _call(kernel: Kernel, function: str, launches: tuple[Launch, ...]) -> Call:
    scratch = tuple(s.name for s in kernel.scratch)
    return Call(function, _names(kernel.inputs), _names(kernel.params), _names(kernel.outputs), scratch, launches)


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes)
