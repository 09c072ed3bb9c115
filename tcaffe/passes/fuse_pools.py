"""`fuse_pools`: a convolution and the pool behind it become one kernel where that lowers the peak."""

from __future__ import annotations

from dataclasses import replace

from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program
from tcaffe.passes.alias import alias, planned_buffers
from tcaffe.passes.fuse import kernel_name
from tcaffe.passes.planner import lower_bound

MAX_ROUNDS = 32
"""How many pools at successive peaks are considered."""
Pair = tuple[Kernel, Kernel]


def fuse_pools(program: Program) -> Program:
    """conv then pool  =>  one kernel whose convolution never exists as a whole.

    A window that overlaps the next one makes rows at the seams of two tiles be computed twice, so a pair is joined only
    when the lower bound falls. Pairs are tried from the peak on, until the peak is none of them.
    """
    if not _pairs(program):
        return program
    bound = _bound(program)
    for _ in range(MAX_ROUNDS):
        trials = [_joined(program, pair) for pair in _pairs(program)]
        scored = [(b, k) for k, b in enumerate(map(_bound, trials)) if b < bound]
        if not scored:
            return program
        bound, best = min(scored)
        program = trials[best]
    return program


def _pairs(program: Program) -> list[Pair]:
    """Kernels that may be joined."""
    outputs = set(program.outputs.values())
    readers: dict[Node, list[Kernel]] = {}
    for kernel in program.kernels:
        for value in kernel.inputs:
            readers.setdefault(value, []).append(kernel)
    found = []
    for kernel in program.kernels:
        if len(kernel.outputs) == 1 and _is_image_conv(kernel) and kernel.outputs[0] not in outputs:
            match readers.get(kernel.outputs[0], []):
                case [pool] if _is_plain_pool(pool):
                    found.append((kernel, pool))
    return found


def _is_image_conv(kernel: Kernel) -> bool:
    """Whether it computes all channels of images, and no pool of them yet."""
    anchor = kernel.anchor
    ended = any(n.op in (ops.pool, ops.slice_) for n in kernel.nodes)
    return anchor is not None and anchor.op is ops.conv and len(anchor.shape) == 4 and not ended


def _is_plain_pool(kernel: Kernel) -> bool:
    match kernel.nodes:
        case (Node(ops.pool, _, {"kind": "max" | "average", "axes": (2, 3)}),):
            return True
    return False


def _joined(program: Program, pair: Pair) -> Program:
    conv, pool = pair
    nodes = (*conv.nodes, *pool.nodes)
    both = replace(conv, name=kernel_name(nodes), nodes=nodes, outputs=pool.outputs)
    kernels = tuple(both if k is pool else k for k in program.kernels if k is not conv)
    return program.with_kernels(kernels)


def _bound(program: Program) -> int:
    return lower_bound(planned_buffers(alias(program)))
