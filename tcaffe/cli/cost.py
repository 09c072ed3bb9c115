"""What nodes cost: multiply-adds, operations of any kind, and bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.ir.types import TensorType


def macs(nodes: Iterable[Node]) -> int:
    """Multiply-adds of the contractions among `nodes`, as papers count them: what pads and biases add is left out."""
    return sum(_macs(node) for node in nodes)


def flops(nodes: Iterable[Node]) -> int:
    """Arithmetic operations of `nodes`: two a multiply-add, one an element of a pointwise op, one a window's tap."""
    return sum(2 * _macs(node) or _operations(node) for node in nodes)


def nbytes(types: Iterable[TensorType]) -> int:
    """Bytes of values of these types."""
    return sum(t.nbytes for t in types)


def _macs(node: Node) -> int:
    match node:
        case Node(ops.conv, (_, w)):
            return node.type.size * math.prod(w.shape[1:])
        case Node(ops.conv_dx, (g, w)):
            return g.type.size * math.prod(w.shape[1:])
        case Node(ops.conv_dw, (_, g)):
            return g.type.size * math.prod(node.shape[1:])
        case Node(ops.dot, (x, _)):
            return node.type.size * x.shape[-1]
    return 0


def _operations(node: Node) -> int:
    match node.op.family:
        case "pointwise":
            return node.type.size
        case "reduce":
            return node.inputs[0].type.size
        case "window":
            return node.type.size * math.prod(node.attrs["size"])
    return 0
