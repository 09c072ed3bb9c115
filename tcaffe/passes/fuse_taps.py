"""`fuse_taps`: a max pool tells in the same kernel where each maximum was."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program


def fuse_taps(program: Program) -> Program:
    """pool(x, max) and pool_tap(x) over the same windows  =>  one kernel, which finds both at once.

    The taps, which the gradient asks for, then come earlier than they are read, but take a byte an element.
    """
    pools = {_window(k.anchor): k for k in program.kernels if k.anchor is not None and _is_max(k.anchor)}
    for kernel in program.kernels:
        match kernel.nodes:
            case (Node(ops.pool_tap) as tap,) if _window(tap) in pools:
                pool = pools.pop(_window(tap))
                if not _read_between(program, kernel, pool):
                    joined = replace(pool, nodes=(*pool.nodes, tap), outputs=(*pool.outputs, tap))
                    rest = (k for k in program.kernels if k is not kernel)
                    program = program.with_kernels(tuple(joined if k is pool else k for k in rest))
    return program


def _is_max(node: Node) -> bool:
    """A spatial pool whose taps are wanted, if any are."""
    return node.op is ops.pool and node.attrs["kind"] == "max" and 1 not in node.attrs["axes"]


def _window(node: Node) -> tuple[Hashable, ...]:
    """What is pooled, by which windows."""
    return (node.inputs[0], *(node.attrs[k] for k in ("axes", "size", "stride", "pad")))


def _read_between(program: Program, tap: Kernel, pool: Kernel) -> bool:
    """Whether somebody reads what `tap` makes before `pool` runs."""
    early = program.kernels[: program.kernels.index(pool)]
    return any(tap.nodes[-1] in k.reads for k in early)
