"""Index ops: elements chosen by other elements."""

from __future__ import annotations

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import TensorType, require


@core_op("index", reference=lambda x, index, axis: np.take(x, index, axis, mode="clip"))
def gather(x: TensorType, index: TensorType, *, axis: int = 0) -> TensorType:
    """The slices of x along `axis` that `index` names; an index outside is clamped to the nearest one inside."""
    require(0 <= axis < x.rank, f"{x} has no axis {axis}")
    require(index.dtype in ("i32", "i64"), f"gather needs whole numbers as its index, not {index}")
    require(x.shape[axis] > 0, f"nothing to gather from axis {axis} of {x}")
    return x.with_shape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


def _scatter_add(g: np.ndarray, index: np.ndarray, axis: int, size: int) -> np.ndarray:
    rank = np.ndim(index)
    total = np.zeros((size, *g.shape[:axis], *g.shape[axis + rank :]), g.dtype)
    np.add.at(total, np.clip(index, 0, size - 1), np.moveaxis(g, range(axis, axis + rank), range(rank)))
    return np.moveaxis(total, 0, axis)


@core_op("index", reference=_scatter_add)
def scatter_add(g: TensorType, index: TensorType, *, axis: int = 0, size: int) -> TensorType:
    """The transpose of `gather`: slices of g added to those that `index` names, of `size` along `axis`."""
    require(index.dtype in ("i32", "i64"), f"scatter_add needs whole numbers as its index, not {index}")
    inner = g.shape[axis : axis + index.rank]
    require(axis >= 0 and inner == index.shape and size > 0, f"{g} has no slices at axis {axis} for {index}")
    return g.with_shape(*g.shape[:axis], size, *g.shape[axis + index.rank :])


def _top_k(x: np.ndarray, k: int, axis: int, what: str) -> np.ndarray:
    order = np.flip(np.argsort(x, axis, kind="stable"), axis).take(range(k), axis)
    return order.astype(x.dtype) if what == "index" else np.take_along_axis(np.asarray(x), order, axis)


@core_op("index", reference=_top_k)
def top_k(x: TensorType, *, k: int, axis: int, what: str = "index") -> TensorType:
    """The k largest elements along `axis`, falling: their `index` (as a float) or `value`. Ties go to the later one."""
    require(what in ("index", "value"), f"top_k gives 'index' or 'value', not {what!r}")
    require(0 <= axis < x.rank and 0 < k <= x.shape[axis], f"no {k} largest along axis {axis} of {x}")
    return x.with_shape(*x.shape[:axis], k, *x.shape[axis + 1 :])
