"""Accuracy: how often the true class scores best."""

from __future__ import annotations

from tcaffe.frontend.layers.common import along, filled
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.scores import Scores, read_scores
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import cast, equal, maximum, reduce_sum, select


@layer("Accuracy", tops=(1, 2))
def accuracy(x: Node, labels: Node, p: LayerView) -> tuple[Node, ...]:
    """The part of labels whose class is among the p.top_k best; a second top tells it for each class.

    A class that scores as well as the true one counts as better.
    """
    scores = read_scores(x, labels, p.axis_of(x), p)
    classes = scores.x.shape[1]
    p.require(p.top_k <= classes, "top_k", f"top_k is {p.top_k}, there are {classes} classes")
    truth = along(scores.of_truth(scores.x), scores.x, 0, 2)
    as_good = select(scores.x > truth, filled(1, truth), cast(equal(scores.x, truth), dtype=x.type.dtype))
    better = reduce_sum(as_good, axes=(1,)) - 1
    right = cast(p.top_k > better, dtype=x.type.dtype)
    overall = scores.total(right) / scores.count
    return (overall,) if p.tops == 1 else (overall, _per_class(scores, right))


def _per_class(scores: Scores, right: Node) -> Node:
    """The part of each class's labels that is right; 0 for a class without labels."""
    truth = scores.truth
    if scores.counted is not None:
        truth = truth * along(scores.counted, truth, 0, 2)
    found = reduce_sum(truth * along(right, truth, 0, 2), axes=(0, 2))
    return found / maximum(reduce_sum(truth, axes=(0, 2)), 1)
