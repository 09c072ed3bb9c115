"""The largest elements of rows, one after the other: each is the largest of those that come after the one before.

That needs no sorting and no memory, and rows may have any length.
"""

from __future__ import annotations

import math

from tcaffe.codegen.triton.choices import row_block
from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.spelling import DTYPES
from tcaffe.codegen.triton.tiles import Key, Run, Tile

WIDEST = 4096


def write_top_k(f: Function) -> None:
    """The largest elements along an axis, falling, or their indices; of equals the later one comes first."""
    node = f.kernel.anchor
    assert node is not None
    x, axis = node.inputs[0], node.attrs["axis"]
    order = [a for a in node.type.axes_in_memory if a != axis]
    rows, columns = math.prod(x.shape[a] for a in order), x.shape[axis]
    f.sizes["ROWS"], f.sizes["COLUMNS"], f.warps = row_block(rows, min(columns, WIDEST), f.grain)
    f.programs = -(-rows // f.sizes["ROWS"])
    f.body.line("row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]")
    run = Run("row", tuple((a, x.shape[a]) for a in order), f"row < {rows}")
    source: dict[Key, int] = dict(enumerate(f.strides(x)))
    target: dict[Key, int] = dict(enumerate(f.strides(node)))
    across = Tile((run, Run("column", ((axis, columns),), f"column < {columns}")))
    f.body.lines(
        'last = tl.full([ROWS, 1], float("inf"), tl.float32)',
        f"place = tl.full([ROWS, 1], {columns}, tl.int32)",
    )
    with f.body.block(f"for rank in range({node.attrs['k']}):"):
        f.body.lines(
            'best = tl.full([ROWS, 1], -float("inf"), tl.float32)',
            "index = tl.full([ROWS, 1], -1, tl.int32)",
            "found = tl.full([ROWS, 1], 0.0, tl.float32)",
        )
        with f.body.block(f"for piece in range({-(-columns // f.sizes['COLUMNS'])}):"):
            f.body.lines(
                "column = (piece * COLUMNS + tl.arange(0, COLUMNS))[None, :]",
                f"inside = {across.inside}",
                f"value = tl.load({f.pointers[x]} + {across.whole_offset(source)}, mask=inside).to(tl.float32)",
                'key = tl.where(value == value, value, float("inf"))',
                "after = inside & ((key < last) | ((key == last) & (column < place)))",
                'key = tl.where(after, key, -float("inf"))',
                "top = tl.max(key, axis=1, keep_dims=True)",
                "at = tl.max(tl.where(after & (key == top), column, -1), axis=1, keep_dims=True)",
                "better = (at >= 0) & (top >= best)",
                "here = tl.sum(tl.where(column == at, value, 0.0), axis=1, keep_dims=True)",
                "found = tl.where(better, here, found)",
                "index = tl.where(better, at, index)",
                "best = tl.where(better, top, best)",
            )
        result = "index" if node.attrs["what"] == "index" else "found"
        offset = Tile((run, Run("rank", ((axis, node.attrs["k"]),), scalar=True))).whole_offset(target)
        f.body.lines(
            f"tl.store({f.pointers[node]} + {offset}, {result}.to({DTYPES[node.type.dtype]}), mask={run.inside})",
            "last = best",
            "place = index",
        )
