"""What losses and scores of classes have in common: scores beside labels, and how many labels count."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tcaffe.frontend.layers.common import along, filled, reshaped
from tcaffe.frontend.layers.view import MOST_AXES, LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import cast, const, equal, iota, maximum, reduce_sum, select


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores `x` [outer, classes, inner] beside the true classes.

    `labels` i32[outer, inner] names them, `chosen` marks them in the shape of the scores; `counted` [outer, inner] is 0
    where a label is to be ignored and 1 elsewhere, None where all count.
    """

    x: Node
    labels: Node
    chosen: Node
    counted: Node | None

    def total(self, values: Node) -> Node:
        """The sum of `values` [outer, inner] where the label counts."""
        return reduce_sum(values if self.counted is None else values * self.counted, axes=(0, 1))

    def of_truth(self, values: Node) -> Node:
        """What `values` holds for the true class."""
        return reduce_sum(select(self.chosen, values, filled(0, values)), axes=(1,))

    @property
    def truth(self) -> Node:
        """1 for the true class, 0 for all others."""
        return cast(self.chosen, dtype=self.x.type.dtype)

    @property
    def count(self) -> Node | float:
        """How many labels count, at least 1."""
        return counted(self.counted, self.labels.type.size)

    def normaliser(self, p: LayerView) -> Node | float:
        """What a summed loss is divided by, as p.normalization says: by default the labels that count."""
        mode = normalization(p, default="VALID")
        if mode == "VALID":
            return self.count
        return {"FULL": self.labels.type.size, "BATCH_SIZE": self.x.shape[0], "NONE": 1}[mode]


def read_scores(x: Node, labels: Node, axis: int, p: LayerView) -> Scores:
    """Scores with classes along `axis`, and a label for each place on the other axes, brought to three axes."""
    outer, classes, inner = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    note = f"scores of shape {list(x.shape)} with classes along axis {axis}: one label for each place on the other axes"
    p.require(labels.type.size == outer * inner, "", f"{labels.type.size} labels for {outer * inner} places", note)
    scores = reshaped(x, (outer, classes, inner))
    named = cast(reshaped(labels, (outer, inner)), dtype="i32")
    chosen = equal(iota(axis=1, shape=scores.shape, dtype="i32"), along(named, scores, 0, 2))
    return Scores(scores, named, chosen, not_ignored(named, p))


def not_ignored(labels: Node, p: LayerView) -> Node | None:
    """1 for each of the whole numbers `labels` that counts, 0 for p.ignore_label; None where all count."""
    if not p.knows("ignore_label") or not p.has("ignore_label"):
        return None
    ones = const(value=1.0, shape=labels.shape)
    return select(equal(labels, p.ignore_label), filled(0, ones), ones)


def counted(marks: Node | None, size: int) -> Node | float:
    """How many of `size` labels count, at least 1; `marks` is 1 for each that does, None where all do."""
    return size if marks is None else maximum(reduce_sum(marks, axes=tuple(range(len(marks.shape)))), 1)


def normalization(p: LayerView, default: str) -> str:
    """The mode of p.normalization, or of the older field `normalize`, else `default`."""
    if p.has("normalization"):
        return str(p.normalization)
    return ("VALID" if p.normalize else "BATCH_SIZE") if p.has("normalize") else default


def require_items(x: Node, y: Node, p: LayerView, most: int = MOST_AXES) -> None:
    """Refuse two bottoms without the same number of items, and a first one of more than `most` axes."""
    p.require_axes(x, 1, most)
    shapes = f"bottom 0 has shape {list(x.shape)}, bottom 1 has {list(y.shape)}"
    p.require(x.shape[:1] == y.shape[:1], "", shapes, "both have the same number of items")
