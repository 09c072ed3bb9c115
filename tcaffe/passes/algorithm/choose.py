"""The pass: a plan for every kernel, and parameters in the forms that the plans read."""

from __future__ import annotations

from dataclasses import replace

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
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
from tcaffe.passes.algorithm.plan import Form, Plan
from tcaffe.passes.algorithm.storage import Surroundings
from tcaffe.passes.algorithm.transposed import plan_transposed
from tcaffe.passes.algorithm.windows import plan_pool_gradient, plan_unpool


def choose_algorithms(program: Program, *, workers: int = 2, pack: bool = True) -> Program:
    """Every kernel with its algorithm, its tile and its scratch memory; `prepare` also computes the packed parameters.

    Without `pack` parameters may change between runs, and only forms that are cheap to make are used.
    """
    around = Surroundings(program)
    packing = Packing(program.prepare)
    kernels = tuple(_planned(k, _plan(k, around, workers, pack), packing) for k in program.kernels)
    return replace(program.with_kernels(kernels), prepare=packing.prepare(kernels))


def _plan(kernel: Kernel, around: Surroundings, workers: int, pack: bool) -> Plan | None:
    """The plan of a kernel; None for one that is a copy."""
    anchor = kernel.anchor
    if anchor is None:
        return plan_region(kernel, workers) if any(n.op.family == "pointwise" for n in kernel.nodes) else None
    if anchor.op.family == "reduce" or _keeps_shape(anchor):
        return plan_region(kernel, workers)
    match anchor.op.name:
        case "conv":
            return plan_convolution(kernel, around.storage(kernel), workers, pack)
        case "conv_dx":
            return plan_transposed(kernel, around, workers, pack)
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


def _planned(kernel: Kernel, plan: Plan | None, packing: Packing) -> Kernel:
    if plan is None:
        return kernel
    scratch = tuple(Scratch(f"{kernel.name}.{what}", kind) for what, kind in plan.scratch.items())
    packed = {param: packing.packed(param, form) for param, form in plan.forms.items()}
    return replace(kernel, attrs=plan.attrs, scratch=scratch, packing=packed)


class Packing:
    """The parameters in the forms that kernels read, each made once."""

    def __init__(self, prepare: Graph) -> None:
        self.graph = prepare
        self.made: dict[tuple[Node, str], Node] = {}
        self.expressions: dict[str, Node] = {}

    def packed(self, param: Node, form: Form) -> Node:
        """The parameter that holds `param` in `form`."""
        key = (param, form.name)
        if key not in self.made:
            name = f"{param.name}.{form.name}"
            value = form.make(self.graph.outputs[param.name]).named(name)
            self.expressions[name] = value
            self.made[key] = ops.param(shape=value.shape, dtype=value.type.dtype, name=name)
        return self.made[key]

    def prepare(self, kernels: tuple[Kernel, ...]) -> Graph:
        """What computes every parameter that `kernels` read."""
        names = {p.name: None for kernel in kernels for p in kernel.params}
        return self.graph.with_outputs({n: self.expressions.get(n) or self.graph.outputs[n] for n in names})
