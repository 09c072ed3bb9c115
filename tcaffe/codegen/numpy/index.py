"""Index operations: elements chosen by others."""

from __future__ import annotations

from contextlib import ExitStack

from tcaffe.codegen.numpy.blocks import subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.ir.node import Node


def write_gather(f: Function) -> None:
    """Slices of x that an index names; an index outside is clamped."""
    node = f.kernel.nodes[-1]
    x, index = (f.arguments[i] for i in node.inputs)
    f.body.line(f'np.take({x}, {index}, axis={node.attrs["axis"]}, out={f.arguments[node]}, mode="clip")')


def write_scatter_add(f: Function) -> None:
    """Slices of g added to those that an index names: in a loop, or all at once where they are short."""
    node = f.kernel.nodes[-1]
    g, index, out, size = *(f.arguments[i] for i in node.inputs), f.arguments[node], node.attrs["size"]
    axis, rank = node.attrs["axis"], len(node.inputs[1].shape)
    f.body.line(f"{out}.fill(0)")
    if f.has("at"):
        at = f.memory("at")
        f.body.line(f'np.copyto({at}, {index}, casting="unsafe")')
        f.body.line(f"np.minimum(np.maximum({at}, 0, out={at}), {size - 1}, out={at})")
        to, given = _front(out, node, axis, 1), _front(g, node.inputs[0], axis, rank)
        f.body.line(f"np.add.at({to}, {at}, {given})")
        return
    names = [f.fresh("jkl"[k] if k < 3 else "j") for k in range(rank)]
    row, target, before = f.fresh("row"), f.fresh("target"), [":"] * axis
    with ExitStack() as loops:
        for name, n in zip(names, node.inputs[1].shape, strict=True):
            loops.enter_context(f.body.block(f"for {name} in range({n}):"))
        f.body.line(f"{row} = min(max(int({index}{subscript(names)}), 0), {size - 1})")
        f.body.line(f"{target} = {out}{subscript([*before, row])}")
        f.body.line(f"np.add({target}, {g}{subscript([*before, *names])}, out={target})")


def _front(text: str, value: Node, axis: int, count: int) -> str:
    """`value` with `count` axes from `axis` on moved to the front."""
    first = range(axis, axis + count)
    order = [*first, *(a for a in range(len(value.shape)) if a not in first)]
    return f"{text}.transpose({', '.join(map(str, order))})" if axis else text


def write_top_k(f: Function) -> None:
    """The k largest along an axis, falling; a tie goes to the later one."""
    node = f.kernel.nodes[-1]
    x, out, axis, k = f.arguments[node.inputs[0]], f.arguments[node], node.attrs["axis"], node.attrs["k"]
    order = f.fresh("order")
    at = [":"] * axis
    f.body.line(
        f'{order} = np.argsort({x}, axis={axis}, kind="stable"){subscript([*at, "::-1"])}{subscript([*at, f":{k}"])}'
    )
    chosen = order if node.attrs["what"] == "index" else f"np.take_along_axis({x}, {order}, axis={axis})"
    f.body.line(f"np.copyto({out}, {chosen})" if node.attrs["what"] == "value" else
                f'np.copyto({out}, {chosen}, casting="unsafe")')  # fmt: skip
