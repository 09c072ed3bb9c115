"""The memory planner: offsets for buffers with lifetimes. It knows nothing of graphs or kernels."""

from tcaffe.passes.planner.check import OverlapError, check
from tcaffe.passes.planner.problem import Buffer, Problem, lower_bound
from tcaffe.passes.planner.solve import Certificate, Placement, plan

__all__ = ["Buffer", "Certificate", "OverlapError", "Placement", "Problem", "check", "lower_bound", "plan"]
