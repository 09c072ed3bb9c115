"""`tcaffe test`: the scores of a net on the data that its own layers read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from tcaffe.cli import screen
from tcaffe.cli.command import command, json_option
from tcaffe.cli.options import NetQuery, net_options, target_options, weights_option
from tcaffe.cli.training import Log
from tcaffe.data.feeds import feeds_of
from tcaffe.ir.target import Target
from tcaffe.train.evaluation import Evaluation
from tcaffe.train.report import Arrays, Means, numbered, output_text, plain, shown


@command
@weights_option
@click.option("--iterations", type=click.IntRange(1), default=50, metavar="N", show_default=True,
              help="How many batches.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True,
              help="For what the net draws at random.")  # fmt: skip
@click.option("--log", is_flag=True, help="Write the original's log lines to stderr, one for each batch's outputs.")
@target_options()
@json_option
@net_options()
def test(
    query: NetQuery, weights: Sequence[str], iterations: int, seed: int, log: bool, target: Target, as_json: bool
) -> None:
    """Run NET on batches that its data layers read, and show the mean of each output.

    \b
    tcaffe test lenet_train_test.prototxt -w lenet_iter_10000.caffemodel --iterations 100
    tcaffe test net.prototxt -w net.caffemodel --stage val --json

    Losses are told with their weight. What an Accuracy layer says is the mean over the batches.
    """
    random = np.random.default_rng(seed)
    feeds = list(feeds_of(query.state.message, query.phase, lambda: random))
    tester = Evaluation(query.state, feeds, [Path(name) for name in weights], seed=seed, target=target)
    if not weights:
        screen.note("no weights: the parameters are as their fillers make them")
    means = averaged(tester, iterations, log)
    if as_json:
        screen.write_json(screen.finite({
            "iterations": iterations, "loss": means.loss, "outputs": plain(means.outputs),
        }))  # fmt: skip
    elif not log:
        _show(means, tester)


def averaged(tester: Evaluation, iterations: int, log: bool) -> Means:
    """The means over so many batches, each told as the original tells it if `log` says so."""
    say, means = Log("caffe.cpp") if log else lambda line: None, Means()
    say(f"Running for {iterations} iterations.")
    with screen.progress("testing", iterations) as meter:
        for k in range(iterations):
            loss, outputs = tester.run()
            means.add(loss, outputs)
            for name, value in numbered(outputs):
                say(f"Batch {k}, {name} = {shown(value)}")
            meter.advance()
    say(f"Loss: {shown(means.loss)}")
    for line in _lines(means.outputs, tester):
        say(line)
    return means


def _lines(outputs: Arrays, tester: Evaluation) -> Iterator[str]:
    return (output_text(name, value, tester.loss_weights) for name, value in numbered(outputs))


def _show(means: Means, tester: Evaluation) -> None:
    table = screen.table("output", "mean", "weight", "loss")
    for name, value in numbered(means.outputs):
        weight = tester.loss_weights.get(name, 0.0)
        screen.row(table, name, shown(value), shown(weight) if weight else "", shown(weight * value) if weight else "")
    screen.show(table)
    screen.show(screen.facts(("loss", shown(means.loss))))
