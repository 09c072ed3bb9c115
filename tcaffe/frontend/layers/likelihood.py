"""Losses of classifiers: how unlikely the true classes are."""

from __future__ import annotations

from pathlib import Path

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.layers.common import along, reshaped, sloped, softmax
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.scores import Scores, read_scores, require_items
from tcaffe.frontend.layers.view import LEGACY_AXES, LayerView
from tcaffe.frontend.weights import read_blob
from tcaffe.ir.node import Node
from tcaffe.ir.ops import gather, log, maximum, reduce_sum, surrogate, transpose
from tcaffe.schema import caffe_pb2

SMALLEST = 1.1754943508222875e-38  # the smallest normal float32: what a probability counts as at least
UNLIKELY = 1e-20  # the same in the older losses


@layer("SoftmaxWithLoss", param=("softmax_param", "loss_param"), tops=(1, 2), loss=True)
def softmax_with_loss(x: Node, labels: Node, p: LayerView) -> tuple[Node, ...]:
    """The mean of -log of the probability softmax gives the true class; a second top holds all probabilities.

    Its derivative, the probabilities less the truth, does not stop where the probability is held at the smallest.
    """
    require_items(x, labels, p)
    scores = read_scores(x, labels, p.axis_of(x), p)
    chances = softmax(scores.x, 1)
    costs = -log(maximum(scores.of_truth(chances), SMALLEST))
    return _losses(x, scores, chances, sloped(costs, scores.x, chances - scores.truth, 1), p)


@layer("InfogainLoss", param=("infogain_loss_param", "loss_param"), tops=(1, 2), loss=True)
def infogain_loss(x: Node, labels: Node, gains: Node | None = None, *, p: LayerView) -> tuple[Node, ...]:
    """The mean of -log of the probabilities softmax gives all classes, each times what the true class gains by it.

    The gains, a row for each true class, are a third bottom or stand in a file. A second top holds all probabilities.
    The derivative is that of probabilities that are not held at the smallest.
    """
    require_items(x, labels, p)
    message = "InfogainLoss does not know `normalize`"
    p.require(not p.has("normalize"), "normalize", message, "normalization is the newer name")
    scores = read_scores(x, labels, p.axis_of(x), p)
    rows = _rows(_gains(gains, scores.x.shape[1], p), scores)
    chances = softmax(scores.x, 1)
    costs = -reduce_sum(rows * log(maximum(chances, UNLIKELY)), axes=(1,))
    slope = chances * along(reduce_sum(rows, axes=(1,)), chances, 0, 2) - rows
    return _losses(x, scores, chances, sloped(costs, scores.x, slope, 1), p)


@layer("MultinomialLogisticLoss", loss=True)
def multinomial_logistic_loss(x: Node, labels: Node, p: LayerView) -> Node:
    """The mean of -log of the probability that an item gives its true class.

    The derivative uses the probability held at the smallest, but does not stop there.
    """
    require_items(x, labels, p, LEGACY_AXES)
    items = x.shape[0]
    scores = read_scores(reshaped(x, (items, x.type.size // items)), labels, 1, p)
    likely = scores.of_truth(scores.x)
    return -scores.total(log(surrogate(maximum(likely, UNLIKELY), likely))) / items


def _losses(x: Node, scores: Scores, chances: Node, costs: Node, p: LayerView) -> tuple[Node, ...]:
    """The mean of the `costs` of all labels, and the probabilities for a second top."""
    loss = scores.total(costs) / scores.normaliser(p)
    return (loss, reshaped(chances, x.shape))[: max(1, p.tops)]


def _rows(gains: Node, scores: Scores) -> Node:
    """The row of `gains` for each true class, in the shape of the scores."""
    return transpose(gather(gains, scores.labels, axis=0), order=(0, 2, 1))


def _gains(given: Node | None, classes: int, p: LayerView) -> Node:
    """The matrix of gains, [classes, classes]: the third bottom, or what the file p.source holds."""
    note = f"it needs {classes * classes}, a row of {classes} for each true class"
    if given is not None:
        p.require(given.type.size == classes**2, "", f"the gains are {given.type.size} numbers", note)
        return reshaped(given, (classes, classes))
    p.require(bool(p.source), "", "no gains are given", "they are a third bottom, or stand in the file `source`")
    try:
        stored = read_blob(Path(p.source))
    except CompileError as error:
        problem = error.diagnostics[0]
        p.fail("source", problem.message, problem.note, code=problem.code)
    p.require(stored.data.size == classes**2, "source", f"`{p.source}` holds {stored.data.size} numbers", note)
    return p.state("gains", (classes, classes), caffe_pb2.BlobProto(data=stored.data))
