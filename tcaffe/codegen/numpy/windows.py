"""Sums and maxima over sliding windows, as operations on shifted slices."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import subscript
from tcaffe.ir.node import Node

COMBINE = {"max": "np.maximum", "sum": "np.add", "average": "np.add"}


def window_in_place(node: Node, source: str, out: str, order: tuple[int, ...]) -> list[str]:
    """A window along one axis whose result has the shape of its operand (the sums of LRN): `source` into `out`."""
    position = order.index(node.attrs["axes"][0])
    (size,), ((low, _),) = node.attrs["size"], node.attrs["pad"]
    count = node.inputs[0].shape[node.attrs["axes"][0]]
    combine = COMBINE[node.attrs["kind"]]
    lines = [f"np.copyto({out}, {source})"] if 0 <= low < size else []
    for shift in (d for d in range(-low, size - low) if d and abs(d) < count):
        here, there = (f":{-shift}", f"{shift}:") if shift > 0 else (f"{-shift}:", f":{shift}")
        a, b = (out + subscript([":"] * position + [part]) if k == 0 else part for k, part in enumerate((here, there)))
        lines.append(f"{combine}({a}, {source}{subscript([':'] * position + [b])}, out={a})")
    if node.attrs["kind"] == "average":
        lines += _divide(out, position, count, size, low)
    return lines


def window_in_runs(node: Node, source: str, out: str, rank: int, margin: int) -> list[str]:
    """The same for sums along the innermost axis of slots with a `margin`: everything is one run of numbers.

    The zeros in the margins stand between the ends of one row and the start of the next.
    """
    (size,), ((low, _),) = node.attrs["size"], node.attrs["pad"]
    run, total = f"{source}.reshape(-1)", f"{out}.reshape(-1)"
    lines = [f"{source}{subscript([':'] * (rank - 1) + [f'-{margin}:'])} = 0", f"np.copyto({out}, {source})"]
    for shift in (d for d in range(-low, size - low) if d):
        here, there = (f"[:{-shift}]", f"[{shift}:]") if shift > 0 else (f"[{-shift}:]", f"[:{shift}]")
        lines.append(f"np.add({total}{here}, {run}{there}, out={total}{here})")
    return lines


def _divide(out: str, position: int, count: int, size: int, low: int) -> list[str]:
    lines = [f"np.divide({out}, {float(size)}, out={out})"]
    for k in range(count):
        inside = min(k - low + size, count + low) - (k - low)
        if inside != size:
            edge = out + subscript([":"] * position + [f"{k}:{k + 1}"])
            lines.append(f"np.multiply({edge}, {size / inside!r}, out={edge})")
    return lines
