"""Sums over shares: every task reduces its own blocks, and at the end the results are reduced in order.

So the result depends on the number of workers, but not on how fast each of them is.
"""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import Share
from tcaffe.codegen.numpy.function import Function


def add_to_sum(f: Function, share: Share, call: str, *, ufunc: str = "np.add", number: str = "") -> None:
    """Write `call`, which has a gap for its `out`, into the sum of a share, or into a part that is added to it."""
    total = f"{f.memory(f'sums{number}')}[{share.number}]"
    if not share.later:
        f.body.line(call.format(out=total))
        return
    part = f"{f.memory(f'part{number}')}[{f.worker}]"
    with f.body.block(f"if {share.later}:"):
        f.body.lines(call.format(out=part), f"{ufunc}({total}, {part}, out={total})")
    with f.body.block("else:"):
        f.body.line(call.format(out=total))


def add_sums(f: Function, *, ufunc: str = "np.add", number: str = "") -> str:
    """Write the addition of all sums to the first, in the order of the tasks; the first."""
    sums = f.memory(f"sums{number}")
    for k in range(1, f.kernel.attrs["shares"]):
        f.end.line(f"{ufunc}({sums}[0], {sums}[{k}], out={sums}[0])")
    return f"{sums}[0]"
