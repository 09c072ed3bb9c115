"""`choose_algorithms`: how each kernel is computed on the CPU, in which blocks, with which memory of its own."""

from tcaffe.passes.algorithm.choose import choose_algorithms

__all__ = ["choose_algorithms"]
