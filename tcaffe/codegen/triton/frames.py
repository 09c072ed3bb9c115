"""Frames: which of the ways to write a kernel fits it, and what there is no code for yet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tcaffe.codegen.triton.choices import MAX_ROW
from tcaffe.codegen.triton.region import whole_axes
from tcaffe.codegen.triton.spelling import UNSPELLED
from tcaffe.ir.geometry import geometry
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Place
from tcaffe.ir.slots import domain

MAX_ELEMENTS = 2**31 - 2**16
"""Elements from the first to the last of a value: emitted code counts them, and a block more, in 32 bits."""


def frame_of(kernel: Kernel) -> str:
    """Which frame writes a kernel: conv, dot, rows (what is reduced or seen by a window stays together) or flat."""
    anchor = kernel.anchor
    if anchor is None or anchor.op.family in ("shape", "source") or _slides(anchor):
        return "flat"
    if anchor.op.family == "index":
        return "top_k" if anchor.op.name == "top_k" else "flat"
    if anchor.op.family == "contract" and anchor.op.name != "dot" and geometry(anchor).single:
        return f"single {anchor.op.name}"
    if anchor.op.family in ("reduce", "window"):
        return _rows(kernel)
    return anchor.op.name


def _rows(kernel: Kernel) -> str:
    """How a kernel is written that needs all elements along some axes."""
    kind, whole = domain(kernel.nodes), whole_axes(kernel)
    row = math.prod(kind.shape[a] for a in whole)
    if any(n.op.family == "window" for n in kernel.nodes):
        return "rows" if row <= MAX_ROW else "flat"
    return "long rows" if "piece" in kernel.attrs else "rows"


def missing(kernel: Kernel, places: Mapping[str, Place]) -> str:
    """What of a kernel there is no code for, in words; empty for one that can be written."""
    return next(_missing(kernel, places), "")


def _missing(kernel: Kernel, places: Mapping[str, Place]) -> Iterator[str]:
    anchor = kernel.anchor
    for node in kernel.nodes:
        if node.op.name in UNSPELLED:
            yield f"it cannot spell `{node.op.name}` yet"
    if any(node.type.dtype == "f16" for node in (*kernel.nodes, *kernel.reads)):
        yield "it computes in f32"
    for node in (*kernel.nodes, *kernel.reads):
        if _extent(node, places.get(node.name)) > MAX_ELEMENTS:
            yield f"the elements of `{node.name}` cannot be counted in 32 bits"
    if anchor is None:
        return
    if anchor.op.family == "contract" and anchor.type.dtype != "f32":
        yield f"products of {anchor.type.dtype} are not spelled yet"
    if any(n.op.name == "pool" and n is not anchor for n in kernel.nodes) and frame_of(kernel) != "rows":
        yield f"a pool behind `{anchor.op.name}` is not spelled yet"


def _extent(node: Node, place: Place | None) -> int:
    """Elements from the first to the last of a value, gaps included."""
    steps = place.strides if place else node.type.strides
    return sum((n - 1) * step for n, step in zip(node.shape, steps, strict=True)) // node.type.itemsize + 1


def _slides(node: Node) -> bool:
    """A window over axes that changes their length: every position of the result stands for itself."""
    if node.op.family == "window" and node.op.name != "pool":
        return True
    return node.op.name == "pool" and (node.shape != node.inputs[0].shape or node.attrs["axes"] != (1,))
