"""Runs a planned program on a real arena, every node by its reference: tests the plan without any code generator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program


def simulate(program: Program, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of `program`, whose values live exactly where its plan says; feed holds inputs and raw parameters."""
    assert program.plan is not None
    arena = np.full(program.plan.size, 0xA5, np.uint8)
    views = {node: _view(program, node, arena) for node in program.stored}
    params = {name: np.asarray(v) for name, v in evaluate(program.prepare, feed).items()}
    for node in program.inputs:
        views[node][...] = feed[node.name]
    for kernel in program.kernels:
        _run(kernel, views, params)
        for scratch in kernel.scratch:  # what lies there afterwards is nobody's business
            place = program.places[scratch.name]
            start = program.plan.offsets[place.buffer] + place.offset
            arena[start : start + scratch.type.nbytes] = 0x5A
    return {name: views[node].copy() for name, node in program.outputs.items()}


def _view(program: Program, node: Node, arena: np.ndarray) -> np.ndarray:
    place = program.places[node.name]
    offset = program.plan.offsets[place.buffer] + place.offset
    return np.ndarray(node.shape, node.type.numpy, arena.data, offset, place.strides)


def _run(kernel: Kernel, views: Mapping[Node, np.ndarray], params: Mapping[str, np.ndarray]) -> None:
    values: dict[Node, np.ndarray] = {}

    def value(node: Node) -> np.ndarray:
        if node in values:
            return values[node]
        if node.op.name == "param":
            return params[node.name]
        if node.op.name == "const":
            return np.asarray(node.op.reference(**node.attrs))
        return np.array(views[node])

    with np.errstate(all="ignore"):
        for node in kernel.nodes:
            result = node.op.reference(*(value(i) for i in node.inputs), **node.attrs)
            values[node] = np.asarray(result, node.type.numpy)
    for node in kernel.outputs:
        views[node][...] = values[node]
