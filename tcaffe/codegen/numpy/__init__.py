"""The CPU target: kernels as numpy code."""

from tcaffe.codegen.numpy.module import Emitted, emit

__all__ = ["Emitted", "emit"]
