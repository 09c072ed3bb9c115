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


def _top_k(x: np.ndarray, k: int, axis: int, what: str) -> np.ndarray:
    order = np.flip(np.argsort(x, axis, kind="stable"), axis).take(range(k), axis)
    return order.astype(x.dtype) if what == "index" else np.take_along_axis(np.asarray(x), order, axis)


@core_op("index", reference=_top_k)
def top_k(x: TensorType, *, k: int, axis: int, what: str = "index") -> TensorType:
    """The k largest elements along `axis`, falling: their `index` (as a float) or `value`. Ties go to the later one."""
    require(what in ("index", "value"), f"top_k gives 'index' or 'value', not {what!r}")
    require(0 <= axis < x.rank and 0 < k <= x.shape[axis], f"no {k} largest along axis {axis} of {x}")
    return x.with_shape(*x.shape[:axis], k, *x.shape[axis + 1 :])
