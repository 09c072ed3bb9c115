"""Index operations: elements chosen by others."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import subscript
from tcaffe.codegen.numpy.function import Function


def write_gather(f: Function) -> None:
    """Slices of x that an index names; an index outside is clamped."""
    node = f.kernel.nodes[-1]
    x, index = (f.arguments[i] for i in node.inputs)
    f.body.line(f'np.take({x}, {index}, axis={node.attrs["axis"]}, out={f.arguments[node]}, mode="clip")')


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
