"""The GPU target: kernels as Triton code."""

from tcaffe.codegen.triton.module import Emitted, Launch, emit

__all__ = ["Emitted", "Launch", "emit"]
