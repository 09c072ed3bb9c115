"""Copies: shape operations that could not become views."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import Axis, Block, aligned, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.spelling import number
from tcaffe.ir.node import Node


def write_copy(f: Function) -> None:
    """One shape op: its operands copied to their places in the result."""
    node = f.kernel.nodes[-1]
    WRITERS[node.op.name](f, node, f.arguments[node])


def _keep(f: Function, node: Node, out: str) -> None:
    f.body.line(f"np.copyto({out}, {f.arguments[node.inputs[0]]})")


def _assign(f: Function, node: Node, out: str) -> None:
    new = node.inputs[1]
    if new.op.name == "const":
        f.body.line(f"{out}.fill({number(new.attrs['value'], node.type.dtype)})")
    else:
        f.body.line(f"np.copyto({out}, {f.arguments[new]})")


def _reshape(f: Function, node: Node, out: str) -> None:
    x = node.inputs[0]
    f.body.line(f"np.copyto({out}.reshape({', '.join(map(str, x.shape)) or '()'}), {f.arguments[x]})")


def _transpose(f: Function, node: Node, out: str) -> None:
    f.body.line(
        f"np.copyto({out}, {f.arguments[node.inputs[0]]}.transpose({', '.join(map(str, node.attrs['order']))}))"
    )


def _slice(f: Function, node: Node, out: str) -> None:
    attrs = node.attrs
    steps = attrs["stride"] or (1,) * len(attrs["begin"])
    parts = [
        f"{b}:{e}" + (f":{s}" if s > 1 else "") for b, e, s in zip(attrs["begin"], attrs["end"], steps, strict=True)
    ]
    f.body.line(f"np.copyto({out}, {f.arguments[node.inputs[0]]}{subscript(parts)})")


def _pad(f: Function, node: Node, out: str) -> None:
    x = node.inputs[0]
    inner = [f"{low}:{low + n}" for low, n in zip(node.attrs["low"], x.shape, strict=True)]
    f.body.line(f"{out}.fill({number(node.attrs['value'], node.type.dtype)})")
    f.body.line(f"np.copyto({out}{subscript(inner)}, {f.arguments[x]})")


def _concat(f: Function, node: Node, out: str) -> None:
    start, axis = 0, node.attrs["axis"]
    for x in node.inputs:
        stop = start + x.shape[axis]
        f.body.line(f"np.copyto({out}{subscript([':'] * axis + [f'{start}:{stop}'])}, {f.arguments[x]})")
        start = stop


def _broadcast(f: Function, node: Node, out: str) -> None:
    base, axes = node.inputs[0], list(node.attrs["axes"])
    while base.op.name == "broadcast":
        axes, base = [axes[a] for a in base.attrs["axes"]], base.inputs[0]
    if base.op.name == "const" and not isinstance(base.attrs["value"], tuple):
        f.body.line(f"{out}.fill({number(base.attrs['value'], node.type.dtype)})")
        return
    block = Block(tuple(range(len(node.shape))), tuple(Axis(n) for n in node.shape))
    f.body.line(f"np.copyto({out}, {aligned(f, base, axes, block)})")


def _iota(f: Function, node: Node, out: str) -> None:
    axis = node.attrs["axis"]
    f.body.line(f"{out}.fill(1)")
    f.body.line(f"np.add.accumulate({out}, axis={axis}, out={out})")
    f.body.line(f"np.subtract({out}, 1, out={out})")


WRITERS = {
    "assign": _assign,
    "keep": _keep,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "pad": _pad,
    "concat": _concat,
    "broadcast": _broadcast,
    "iota": _iota,
}
