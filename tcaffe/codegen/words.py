"""What emitted modules say about themselves: a title, and a sentence for each kernel."""

from __future__ import annotations

import math
from pathlib import PurePath

from tcaffe.codegen.names import comment
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program


def title(program: Program) -> str:
    """What a module holds: the net, how many kernels, how many bytes of arena."""
    size = f", an arena of {_bytes(program.plan.size)}" if program.plan else ""
    return f"{comment(program.name) or 'A net'}: {_many(len(program.kernels), 'kernel')}{size}."


def words(kernel: Kernel) -> str:
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
