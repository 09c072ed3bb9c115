"""Memory for maxima of windows with their taps, and for gradients that go back to them."""

from __future__ import annotations

import math

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.types import TensorType
from tcaffe.passes.algorithm.plan import Ints

AT_ONCE = 1 << 13
"""Windows whose places are looked up together: the indices are twice as long as the numbers they are for."""


def tap_of(kernel: Kernel) -> Node | None:
    """The `pool_tap` that a kernel computes, if there is one."""
    return next((n for n in kernel.nodes if n.op.name == "pool_tap"), None)


def tap_memory(tap: Node, tile: Ints, workers: int, *, alone: bool) -> dict[str, TensorType]:
    """For every axis, innermost first: the largest elements and their numbers, and what these are compared in.

    Where the innermost windows take steps, their operands are sorted first: `phases`. `alone` nobody takes the maxima.
    """
    x, found = tap.inputs[0], {}
    order = tap.type.axes_in_memory
    axes = sorted(order.index(a) for a in tap.attrs["axes"])
    shape = list(tile)
    for position in axes[1:]:
        shape[position] = x.shape[order[position]]
    if len(axes) > 1:
        shape[axes[0]] = _rows(tap, tile[axes[0]])
    code = tap.type.dtype
    for k, position in enumerate(reversed(axes)):
        last = k == len(axes) - 1
        size, stride = (tap.attrs[name][len(axes) - 1 - k] for name in ("size", "stride"))
        if k == 0 and not last and min(size, stride) > 1:
            sorted_ = [-(-n // stride) if p == position else n for p, n in enumerate(shape)]
            found["phases"] = TensorType((workers, stride, *sorted_), x.type.dtype)
        shape[position] = tile[position]
        numbers = TensorType((workers, *shape), code)
        if not last:
            found |= {f"largest{k}": numbers.with_dtype(x.type.dtype), f"code{k}": numbers}
        found[f"mask{k}"] = numbers
        if k > 0:
            found[f"other{k}"] = numbers
    return found | ({"largest": TensorType((workers, *tile), x.type.dtype)} if alone else {})


def _rows(tap: Node, rows: int) -> int:
    """The operands along the outermost axis that some rows of windows see."""
    axis, size, stride = (tap.attrs[name][0] for name in ("axes", "size", "stride"))
    count = tap.inputs[0].shape[axis]
    return count if rows == tap.shape[axis] else min(count, (rows - 1) * stride + size)


def unpool_memory(node: Node, tile: Ints, workers: int, *, dense: bool, place: bool) -> dict[str, TensorType]:
    """Tables that tell where taps lie, what is looked up there for some rows of windows, and the sum of a block with
    whole windows around it.

    `dense`: the gradient of the maxima is one run of memory already. `place`: so is the result, so that a block which
    all windows touch, and no others, is summed there.
    """
    order, first = node.type.axes_in_memory, node.type.axes_in_memory.index(node.attrs["axes"][0])
    windows, total = list(tile), list(tile)
    for axis, size, stride, (low, _) in zip(
        *(node.attrs[name] for name in ("axes", "size", "stride", "pad")), strict=True
    ):
        count = node.inputs[0].shape[axis]
        windows[order.index(axis)] = count
        total[order.index(axis)] = max(low + node.shape[axis], (count - 1) * stride + size)
        place = place and low < size and (count - 1) * stride - low < node.shape[axis]
    halo, stride = node.attrs["size"][0] - 1, node.attrs["stride"][0]
    if tile[first] < node.shape[order[first]]:
        place, total[first] = False, tile[first] + 2 * halo
        windows[first] = min(windows[first], (tile[first] + halo - 1) // stride + 1)
    if math.prod(tile[:first]) == 1:
        windows[first] = min(windows[first], max(1, AT_ONCE // math.prod(windows[first + 1 :])))
    numbers = TensorType((workers, *windows), "i64")
    found = {"taps": TensorType(node.attrs["size"], "i64"), "windows": TensorType(tuple(windows), "i64")}
    found |= {"moved": TensorType((workers, *node.attrs["size"]), "i64"), "tap": numbers, "at": numbers}
    if not place:
        found["total"] = TensorType((workers, *total), node.type.dtype)
    return found if dense else found | {"dense": numbers.with_dtype(node.type.dtype)}
