"""The emitted module: a program as numpy source that people can read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from tcaffe.codegen.names import comment, identifier
from tcaffe.codegen.numpy.convolution import write_convolution
from tcaffe.codegen.numpy.copies import write_copy
from tcaffe.codegen.numpy.deconvolution import write_deconvolution
from tcaffe.codegen.numpy.dots import write_dot
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.index import write_gather, write_top_k
from tcaffe.codegen.numpy.pooling import write_pool
from tcaffe.codegen.numpy.region import write_region
from tcaffe.codegen.source import Source
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program

FRAMES: dict[str, Callable[[Function], None]] = {
    "conv": write_convolution,
    "conv_dx": write_deconvolution,
    "dot": write_dot,
    "pool": write_pool,
    "region": write_region,
    "copy": write_copy,
    "gather": write_gather,
    "top_k": write_top_k,
}


@dataclass(frozen=True)
class Emitted:
    """Source text, and the name of the function of each kernel in the program's order."""

    source: str
    functions: tuple[str, ...]


def emit(program: Program) -> Emitted:
    """The numpy module of `program`: one function a kernel, the same bytes for the same program."""
    out = Source()
    out.line(f'"""{_title(program)}"""')
    out.lines("", "import numpy as np")
    names: list[str] = []
    for kernel in program.kernels:
        names.append(identifier(kernel.name, names))
        f = Function(kernel, names[-1])
        FRAMES[frame_of(kernel)](f)
        out.lines("", "")
        f.write(out, _words(kernel))
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
    return anchor.op.name if anchor.op.name in FRAMES else "copy"


def _computes(kernel: Kernel) -> bool:
    return any(n.op.family in ("pointwise", "reduce", "window") for n in kernel.nodes)


def _title(program: Program) -> str:
    size = f", an arena of {_bytes(program.plan.size)}" if program.plan else ""
    return f"{comment(program.name) or 'A net'}: {_many(len(program.kernels), 'kernel')}{size}."


def _words(kernel: Kernel) -> str:
    """What a kernel is: its layers, what it maps to what, how, how much work that is, and where it is written."""
    shapes = ", ".join(str(list(n.shape)) for n in kernel.inputs) or "nothing"
    results = ", ".join(str(list(n.shape)) for n in kernel.outputs)
    how = [f"by {kernel.attrs['algorithm']}"] if "algorithm" in kernel.attrs else []
    how += [f"{work(kernel) / 1e6:.4g} MFLOP"] if work(kernel) else []
    places = _places(kernel)
    return f"{comment(kernel.name)}: {', '.join([f'{shapes} to {results}', *how])}." + (f" {places}" if places else "")


def _places(kernel: Kernel) -> str:
    """The lines of the prototxt that the kernel comes from."""
    found: dict[str, list[int]] = {}
    for span in (n.span for n in kernel.nodes if n.span is not None):
        lines = found.setdefault(PurePath(span.file).name, [])
        if span.line not in lines:
            lines.append(span.line)
    return comment("; ".join(f"{file}:{','.join(map(str, lines))}" for file, lines in found.items()))


def work(kernel: Kernel) -> int:
    """Multiplications and additions of the anchor."""
    anchor = kernel.anchor
    if anchor is None or anchor.op.family != "contract":
        return 0
    x, w = anchor.inputs
    if anchor.op.name == "dot":
        return 2 * math.prod(anchor.shape) * x.shape[-1]
    each: Node = anchor if anchor.op.name == "conv" else x
    return 2 * math.prod(each.shape) * math.prod(w.shape[1:])


def _bytes(count: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.4g} GiB"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("s" if count != 1 else "")
