"""Losses of numbers: how far a prediction is from what is wanted."""

from __future__ import annotations

import math

from tcaffe.frontend.layers.common import reshaped, sigmoid
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.scores import counted, normalization, not_ignored, read_scores, require_items
from tcaffe.frontend.layers.view import LEGACY_AXES, LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import abs_, cast, detach, equal, exp, log, maximum, reduce_sum, select, sqrt, surrogate

CLOSEST = 1e-4  # added to a distance that is divided by


@layer("EuclideanLoss", loss=True)
def euclidean_loss(x: Node, target: Node, p: LayerView) -> Node:
    """Half the squared distance of an item from its target, on average; both bottoms have gradients."""
    require_items(x, target, p, LEGACY_AXES)
    shapes = f"bottom 0 has shape {list(x.shape)}, bottom 1 has {list(target.shape)}"
    p.require(x.type.size == target.type.size, "", shapes, "items and targets have the same number of elements")
    off = x - reshaped(target, x.shape)
    return _sum(off * off) * (0.5 / x.shape[0])


@layer("HingeLoss", loss=True)
def hinge_loss(x: Node, labels: Node, p: LayerView) -> Node:
    """By how much true classes score below 1 and all others above -1, summed (or, as L2, squared), on average."""
    require_items(x, labels, p, LEGACY_AXES)
    items = x.shape[0]
    scores = read_scores(reshaped(x, (items, x.type.size // items)), labels, 1, p)
    missing = maximum(1 - select(scores.chosen, scores.x, -scores.x), 0)
    return _sum(missing * missing if p.norm == "L2" else missing) / items


@layer("SigmoidCrossEntropyLoss", param="loss_param", loss=True)
def sigmoid_cross_entropy_loss(x: Node, target: Node, p: LayerView) -> Node:
    """-t log(s) - (1 - t) log(1 - s) for s = sigmoid(x) and targets t from 0 to 1, summed, over the number of items.

    It is computed as max(x, 0) - x t + log(1 + e^-|x|), which never overflows; its derivative is s - t.
    """
    require_items(x, target, p)
    shapes = f"bottom 0 has shape {list(x.shape)}, bottom 1 has {list(target.shape)}"
    p.require(x.type.size == target.type.size, "", shapes, "there is a target for each element")
    target = reshaped(target, x.shape)
    stable = maximum(x, 0) - x * target + log(exp(-abs_(x)) + 1)
    costs = surrogate(stable, x * detach(sigmoid(x) - target))
    marks = not_ignored(cast(target, dtype="i32"), p)
    mode = normalization(p, default="BATCH_SIZE")
    number = counted(marks, x.type.size) if mode == "VALID" else {"FULL": x.type.size, "NONE": 1}.get(mode, x.shape[0])
    return _sum(costs if marks is None else costs * marks) / number


@layer("ContrastiveLoss", loss=True)
def contrastive_loss(x: Node, y: Node, similar: Node, p: LayerView) -> Node:
    """Half of, on average over pairs: the squared distance d^2 of a similar pair, max(margin - d, 0)^2 of another.

    The older form takes max(margin - d^2, 0) for pairs that are not similar. Two equal items that should not be similar
    push nowhere: d has no derivative there, and elsewhere its derivative is taken over d + 1e-4.
    """
    off = _features(x, y, p)
    items = off.shape[0]
    p.require(similar.type.size == items, "", f"{similar.type.size} labels for {items} pairs", "a pair has one label")
    squares = reduce_sum(off * off, axes=(1,))
    apart = equal(cast(reshaped(similar, (items,)), dtype="i32"), 0)
    return _sum(select(apart, _closeness(squares, p), squares)) * (0.5 / items)


def _features(x: Node, y: Node, p: LayerView) -> Node:
    """The difference of the pairs of items in x and y, [N, C]."""
    require_items(x, y, p, LEGACY_AXES)
    rows = [(*z.shape, 1)[:2] for z in (x, y)]
    shapes = f"bottom 0 has shape {list(x.shape)}, bottom 1 has {list(y.shape)}"
    fits = rows[0] == rows[1] and x.type.size == y.type.size == math.prod(rows[0])
    p.require(fits, "", shapes, "both hold as many features [N, C] for each item")
    return reshaped(x, rows[0]) - reshaped(y, rows[0])


def _closeness(squares: Node, p: LayerView) -> Node:
    """What pairs that are not similar cost, by the square of their distance."""
    if p.legacy_version:
        return maximum(p.margin - squares, 0)
    distance = sqrt(squares)
    missing = maximum(p.margin - distance, 0)
    return surrogate(missing * missing, squares * detach(-missing / (distance + CLOSEST)))


def _sum(x: Node) -> Node:
    return reduce_sum(x, axes=tuple(range(len(x.shape))))
