"""A few graphs worth knowing."""

from __future__ import annotations

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tests.graphs import convolved, rectified


def residual(blocks: int = 3) -> Graph:
    """A chain of residual blocks."""
    x = ops.input_(shape=(1, 4, 8, 8), name="x")
    for k in range(blocks):
        a = rectified(convolved(x, f"a{k}", 4, 3, 1, 1), "").named(f"relu{k}")
        x = rectified((convolved(a, f"b{k}", 4, 3, 1, 1) + x).named(f"sum{k}"), "").named(f"out{k}")
    return Graph("residual", {x.name: x})


def fire() -> Graph:
    """A squeeze, two expansions, their concatenation, a reader."""
    x = ops.input_(shape=(1, 4, 8, 8), name="x")
    s = rectified(convolved(x, "squeeze", 2, 1, 1, 1), "").named("s")
    parts = [rectified(convolved(s, f"e{k}", 4, k, 1, 1), "").named(f"r{k}") for k in (1, 3)]
    y = convolved(ops.concat(*parts, axis=1, name="cat"), "next", 4, 1, 1, 1).named("y")
    return Graph("fire", {"y": y})
