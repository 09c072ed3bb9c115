"""The reference interpreter: every node by its op's reference, slow and obviously right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.types import TensorType


def evaluate(graph: Graph, feed: Mapping[str, np.ndarray], *, wide: bool = False) -> dict[str, np.ndarray]:
    """The outputs of `graph` for inputs and parameters fed by name; `wide` computes every float in float64.

    Raises KeyError for a source that is not fed and ValueError for one of another shape.
    """
    found: dict[Node, np.ndarray] = {}
    wanted = {node: name for name, node in graph.outputs.items()}

    def keep(node: Node, value: np.ndarray) -> None:
        if node in wanted:
            found[node] = value

    walk(graph, feed, keep, wide=wide)
    return {name: found[node] for name, node in graph.outputs.items()}


def walk(
    graph: Graph, feed: Mapping[str, np.ndarray], visit: Callable[[Node, np.ndarray], None], *, wide: bool = False
) -> None:
    """Compute `graph` node by node and show each value to `visit`; a value is dropped after its last use."""
    values: dict[Node, np.ndarray] = {}
    left = {node: len(uses) for node, uses in graph.uses.items()}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            values[node] = value = _compute(node, [values[i] for i in node.inputs], feed, wide)
            visit(node, value)
            del value
            for used in node.inputs:
                left[used] -= 1
            for done in (node, *node.inputs):
                if not left[done]:
                    values.pop(done, None)


def _compute(node: Node, inputs: list[np.ndarray], feed: Mapping[str, np.ndarray], wide: bool) -> np.ndarray:
    dtype = element_type(node.type, wide)
    if node.op.name in ("input", "param"):
        value = np.asarray(feed[node.name], dtype)
        if value.shape != node.shape:
            raise ValueError(f"%{node.name} is {node.type}, it was fed an array of shape {list(value.shape)}")
        return value
    return np.asarray(node.op.reference(*inputs, **node.attrs), dtype)


def element_type(kind: TensorType, wide: bool) -> type[np.generic]:
    """The numpy type in which a value is computed."""
    return np.float64 if wide and kind.dtype in ("f32", "f16") else kind.numpy
