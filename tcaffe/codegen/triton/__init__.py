"""The GPU target: kernels as Triton code."""

from tcaffe.codegen.triton.module import Emitted, emit

__all__ = ["Emitted", "emit"]
