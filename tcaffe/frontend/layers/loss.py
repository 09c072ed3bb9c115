"""Losses and scores: what a prediction is worth against the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tcaffe.frontend.layers.common import along, filled, reshaped, softmax
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import MOST_AXES, LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import cast, const, equal, iota, log, maximum, reduce_sum, select

SMALLEST = 1.1754943508222875e-38  # the smallest normal float32: what a probability counts as at least


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores [outer, classes, inner] beside the true classes: `chosen` marks each true class, `counted` is 0 where a
    label is to be ignored and 1 elsewhere, [outer, inner]."""

    x: Node
    chosen: Node
    counted: Node | None

    def total(self, values: Node) -> Node:
        """The sum of `values` [outer, inner] where the label counts."""
        return reduce_sum(values if self.counted is None else values * self.counted, axes=(0, 1))

    def of_truth(self, values: Node) -> Node:
        """What `values` holds for the true class."""
        return reduce_sum(select(self.chosen, values, filled(0, values)), axes=(1,))

    @property
    def positions(self) -> int:
        """How many labels there are."""
        return self.x.shape[0] * self.x.shape[2]

    @property
    def count(self) -> Node | float:
        """How many labels count, at least 1."""
        return self.positions if self.counted is None else maximum(reduce_sum(self.counted, axes=(0, 1)), 1)


@layer("SoftmaxWithLoss", param=("softmax_param", "loss_param"), tops=(1, 2), loss=True)
def softmax_with_loss(x: Node, labels: Node, p: LayerView) -> tuple[Node, ...]:
    """The mean of -log of the probability softmax gives the true class; a second top holds all probabilities."""
    p.require_axes(x, 1, MOST_AXES)
    shapes = f"bottom 0 has shape {list(x.shape)}, bottom 1 has {list(labels.shape)}"
    p.require(x.shape[:1] == labels.shape[:1], "", shapes, "scores and labels have the same number of items")
    scores = _scores(x, labels, p.axis_of(x), p)
    probabilities = softmax(scores.x, 1)
    costs = -log(maximum(scores.of_truth(probabilities), SMALLEST))
    loss = scores.total(costs) / _normaliser(scores, p)
    return (loss, reshaped(probabilities, x.shape))[: max(1, p.tops)]


@layer("Accuracy", tops=(1, 2))
def accuracy(x: Node, labels: Node, p: LayerView) -> tuple[Node, ...]:
    """The part of labels whose class is among the p.top_k best; a second top tells it for each class.

    A class that scores as well as the true one counts as better.
    """
    scores = _scores(x, labels, p.axis_of(x), p)
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
    truth = cast(scores.chosen, dtype=right.type.dtype)
    if scores.counted is not None:
        truth = truth * along(scores.counted, truth, 0, 2)
    found = reduce_sum(truth * along(right, truth, 0, 2), axes=(0, 2))
    return found / maximum(reduce_sum(truth, axes=(0, 2)), 1)


def _scores(x: Node, labels: Node, axis: int, p: LayerView) -> Scores:
    """Scores and labels brought to three axes: before the class axis, it, and after it."""
    outer, classes, inner = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    note = f"scores of shape {list(x.shape)} with classes along axis {axis}: one label for each place on the other axes"
    p.require(labels.type.size == outer * inner, "", f"{labels.type.size} labels for {outer * inner} places", note)
    scores = reshaped(x, (outer, classes, inner))
    named = cast(reshaped(labels, (outer, inner)), dtype="i32")
    chosen = equal(iota(axis=1, shape=scores.shape, dtype="i32"), along(named, scores, 0, 2))
    counted = None
    if p.has("ignore_label"):
        ones = const(value=1.0, shape=named.shape)
        counted = select(equal(named, p.ignore_label), filled(0, ones), ones)
    return Scores(scores, chosen, counted)


def _normaliser(scores: Scores, p: LayerView) -> Node | float:
    """What the summed loss is divided by."""
    mode = p.normalization
    if not p.has("normalization") and p.has("normalize"):
        mode = "VALID" if p.normalize else "BATCH_SIZE"
    if mode == "VALID":
        return scores.count
    return {"FULL": scores.positions, "BATCH_SIZE": scores.x.shape[0], "NONE": 1}[mode]
