"""The emitted module: a program as Triton source that people can read, and how its kernels are launched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tcaffe.codegen.names import identifier
from tcaffe.codegen.source import Source
from tcaffe.codegen.triton.convolution import write_convolution
from tcaffe.codegen.triton.depthwise import write_depthwise, write_depthwise_filters, write_depthwise_transposed
from tcaffe.codegen.triton.filters import write_filter_gradient
from tcaffe.codegen.triton.frames import frame_of, missing
from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.matrix import write_dot
from tcaffe.codegen.triton.random import write_random
from tcaffe.codegen.triton.ranking import write_top_k
from tcaffe.codegen.triton.reductions import write_long_rows
from tcaffe.codegen.triton.region import write_flat, write_rows
from tcaffe.codegen.triton.spelling import FUNCTIONS
from tcaffe.codegen.triton.transposed import write_transposed
from tcaffe.codegen.words import title, words
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.ir.program import Kernel, Launch, Program

WRITERS: dict[str, Callable[[Function], None]] = {
    "conv": write_convolution,
    "conv_dx": write_transposed,
    "conv_dw": write_filter_gradient,
    "single conv": write_depthwise,
    "single conv_dx": write_depthwise_transposed,
    "single conv_dw": write_depthwise_filters,
    "dot": write_dot,
    "flat": write_flat,
    "random": write_random,
    "top_k": write_top_k,
    "long rows": write_long_rows,
    "rows": write_rows,
}


@dataclass(frozen=True)
class Emitted:
    """Source text, and for each kernel, in the program's order, the name of its function and what is launched."""

    source: str
    functions: tuple[str, ...]
    launches: tuple[tuple[Launch, ...], ...]


def emit(program: Program) -> Emitted:
    """The Triton module of a planned program: one function a kernel, the same bytes for the same program.

    Raises CompileError (E0612) that names every kernel there is no code for.
    """
    _check(program)
    taken = set(FUNCTIONS)
    kernels: list[list[Function]] = []
    for kernel in program.kernels:
        f = Function(kernel, identifier(kernel.name, taken), program.places)
        WRITERS[frame_of(kernel)](f)
        kernels.append(f.all)
        taken |= {each.name for each in f.all}
    functions = [f for each in kernels for f in each]
    launches = tuple(tuple(map(_launch, each)) for each in kernels)
    return Emitted(_module(program, functions), tuple(each[0].name for each in kernels), launches)


def _check(program: Program) -> None:
    """Raise CompileError unless every kernel can be written."""
    problems = [_no_code(kernel, what) for kernel in program.kernels if (what := missing(kernel, program.places))]
    if problems:
        raise CompileError(problems)


def _no_code(kernel: Kernel, what: str) -> Diagnostic:
    guilty = kernel.anchor or kernel.nodes[-1]
    span = guilty.span or next((n.span for n in kernel.nodes if n.span), None)
    return Diagnostic("E0612", f"target cuda has no code for kernel `{kernel.name}`: {what}", span)


def _module(program: Program, functions: list[Function]) -> str:
    out = Source()
    out.lines(f'"""{title(program)}"""', "", "import triton", "import triton.language as tl")
    bodies = [_text(f) for f in functions]
    for name, text in FUNCTIONS.items():
        if any(f"{name}(" in body for body in bodies):
            out.lines("", "", *text.splitlines())
    for body in bodies:
        out.lines("", "", *body.splitlines())
    return str(out)


def _text(f: Function) -> str:
    out = Source()
    out.line("@triton.jit")
    out.lines(*f.signature[:-1])
    with out.block(f.signature[-1]):
        out.line(f'"""{words(f.kernel)}"""')
        sizes = ", ".join(f"{name} {size}" for name, size in f.sizes.items())
        out.line(f"# {f.programs} program{'s' if f.programs != 1 else ''} of {f.warps} warps: {sizes}")
        out.append(f.body)
    return str(out)


def _launch(f: Function) -> Launch:
    return Launch(f.name, f.programs, f.values, dict(f.sizes), f.warps, f.stages)
