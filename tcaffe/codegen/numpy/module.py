"""The emitted module: a program as numpy source that people can read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tcaffe.codegen.names import identifier
from tcaffe.codegen.numpy.convolution import write_convolution
from tcaffe.codegen.numpy.copies import write_copy
from tcaffe.codegen.numpy.deconvolution import write_deconvolution
from tcaffe.codegen.numpy.dots import write_dot
from tcaffe.codegen.numpy.filters import write_filter_gradient
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.index import write_gather, write_scatter_add, write_top_k
from tcaffe.codegen.numpy.pooling import write_pool
from tcaffe.codegen.numpy.random import write_random
from tcaffe.codegen.numpy.region import write_region
from tcaffe.codegen.numpy.taps import write_pool_tap
from tcaffe.codegen.numpy.unpooling import write_pool_gradient, write_unpool
from tcaffe.codegen.source import Source
from tcaffe.codegen.words import title, words
from tcaffe.ir.program import Kernel, Launch, Program

FRAMES: dict[str, Callable[[Function], None]] = {
    "conv": write_convolution,
    "conv_dx": write_deconvolution,
    "conv_dw": write_filter_gradient,
    "dot": write_dot,
    "pool": write_pool,
    "region": write_region,
    "copy": write_copy,
    "pool_dx": write_pool_gradient,
    "pool_tap": write_pool_tap,
    "unpool": write_unpool,
    "gather": write_gather,
    "scatter_add": write_scatter_add,
    "random": write_random,
    "top_k": write_top_k,
}


@dataclass(frozen=True)
class Emitted:
    """Source text, and the name of the function of each kernel in the program's order."""

    source: str
    functions: tuple[str, ...]
    launches: tuple[tuple[Launch, ...], ...] = ()


def emit(program: Program) -> Emitted:
    """The numpy module of `program`: one function a kernel, the same bytes for the same program."""
    out = Source()
    out.line(f'"""{title(program)}"""')
    out.lines("", "import numpy as np")
    names: list[str] = []
    for kernel in program.kernels:
        names.append(identifier(kernel.name, names))
        f = Function(kernel, names[-1])
        FRAMES[frame_of(kernel)](f)
        out.lines("", "")
        f.write(out, words(kernel))
    return Emitted(str(out), tuple(names))


def frame_of(kernel: Kernel) -> str:
    """Which of the frames writes a kernel."""
    anchor = kernel.anchor
    if anchor is None:
        last = kernel.nodes[-1]
        return "region" if last.op.family == "pointwise" or len(kernel.nodes) > 1 and _computes(kernel) else "copy"
    keeps_shape = anchor.op.name == "pool" and anchor.shape == anchor.inputs[0].shape and anchor.attrs["axes"] == (1,)
    if anchor.op.family == "reduce" or keeps_shape:
        return "region"
    if anchor.op.name == "conv_dx" and "algorithm" in kernel.attrs:
        return "conv"
    return anchor.op.name if anchor.op.name in FRAMES else "copy"


def _computes(kernel: Kernel) -> bool:
    return any(n.op.family in ("pointwise", "reduce", "window") for n in kernel.nodes)
