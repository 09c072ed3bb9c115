"""Regions: pointwise work and reductions over one shape, block by block."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import begin_tasks
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.pointwise import Walk
from tcaffe.ir.slots import assign_slots, domain


def write_region(f: Function) -> None:
    """Every block of the full shape goes through all nodes while it is in the cache."""
    kind = domain(f.kernel.nodes)
    order = kind.axes_in_memory
    block = begin_tasks(f, order, [kind.shape[a] for a in order], f.kernel.attrs["tile"])
    slots = assign_slots(f.kernel.nodes, f.kernel.outputs)
    Walk(f, block, slots).run(f.kernel.nodes)
