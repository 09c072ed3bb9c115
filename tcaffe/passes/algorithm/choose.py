"""The pass: a plan for every kernel, and filters in the forms that the plans read."""

from __future__ import annotations

from dataclasses import replace

from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program, Scratch
from tcaffe.passes.algorithm.convolution import plan_convolution
from tcaffe.passes.algorithm.filters import plan_filter_gradient
from tcaffe.passes.algorithm.others import (
    plan_dot,
    plan_pool,
    plan_random,
    plan_region,
    plan_scatter,
)
from tcaffe.passes.algorithm.plan import Plan
from tcaffe.passes.algorithm.storage import Surroundings
from tcaffe.passes.algorithm.transposed import plan_transposed
from tcaffe.passes.algorithm.windows import plan_pool_gradient, plan_unpool
from tcaffe.passes.packing import Packing
from tcaffe.passes.static import Parameters


def choose_algorithms(program: Program, *, workers: int = 2, parameters: Parameters = "fixed") -> Program:
    """Every kernel with its algorithm, its tile and its scratch memory; parameters are packed by `prepare`.

    What is packed anew at every run, live parameters and filters that are computed, is packed by kernels before the
    one that reads it. Of settable parameters only forms that are cheap to make are used.
    """
    around = Surroundings(program)
    packing = Packing(program.prepare, parameters)
    kernels: list[Kernel] = []
    for kernel in program.kernels:
        planned, packers = _planned(kernel, _plan(kernel, around, workers, parameters), packing)
        for packer in packers:
            kernels += [_planned(packer, _plan(packer, around, workers, parameters), packing)[0]]
        kernels.append(planned)
    return replace(program.with_kernels(tuple(kernels)), prepare=packing.prepare(tuple(kernels)))


def _plan(kernel: Kernel, around: Surroundings, workers: int, parameters: Parameters) -> Plan | None:
    """The plan of a kernel; None for one that is a copy."""
    anchor = kernel.anchor
    if anchor is None:
        return plan_region(kernel, workers) if any(n.op.family == "pointwise" for n in kernel.nodes) else None
    if anchor.op.family == "reduce" or _keeps_shape(anchor):
        return plan_region(kernel, workers)
    match anchor.op.name:
        case "conv":
            return plan_convolution(kernel, around.storage(kernel), workers, parameters)
        case "conv_dx":
            return plan_transposed(kernel, around, workers, parameters)
        case "conv_dw":
            return plan_filter_gradient(kernel, around, workers)
        case "dot":
            return plan_dot(kernel, around.storage(kernel), workers)
        case "pool" | "pool_tap":
            return plan_pool(kernel, around.storage(kernel), workers)
        case "pool_dx":
            return plan_pool_gradient(kernel, around, workers)
        case "unpool":
            return plan_unpool(kernel, around, workers)
        case "scatter_add":
            return plan_scatter(kernel)
        case "random":
            return plan_random(kernel, workers)
    return None


def _keeps_shape(anchor: Node) -> bool:
    return anchor.op is ops.pool and anchor.attrs["axes"] == (1,) and anchor.shape == anchor.inputs[0].shape


def _planned(kernel: Kernel, plan: Plan | None, packing: Packing) -> tuple[Kernel, tuple[Kernel, ...]]:
    """The kernel as planned, and the kernels that pack what it reads."""
    if plan is None:
        return kernel, ()
    scratch = tuple(Scratch(f"{kernel.name}.{what}", kind) for what, kind in plan.scratch.items())
    packed = {value: packing.packed(value, form) for value, form in plan.forms.items()}
    forms = {value: made for value, (made, _) in packed.items()}
    packers = tuple(packer for _, kernels in packed.values() for packer in kernels)
    return replace(kernel, attrs=plan.attrs, scratch=scratch, packing=forms), packers
