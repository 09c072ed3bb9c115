"""`tcaffe plot`: curves of training as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tcaffe.cli import screen, units
from tcaffe.cli.command import command
from tcaffe.cli.curves import read_runs
from tcaffe.cli.plotting import FORMATS, picture
from tcaffe.frontend.weights import write_whole


@command
@click.argument("metrics", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="FILE", help="The file to write: .png, .svg or .html.")
@click.option("--smooth", type=click.IntRange(1, 10_000), default=1, metavar="N", show_default=True,
              help="Draw the mean of the N training measurements around each, over the pale curve.")  # fmt: skip
def plot(metrics: Sequence[str], output: str, smooth: int) -> None:
    """Draw loss, accuracy and learning rate against the iteration, from METRICS, files of one or several runs.

    \b
    tcaffe plot run.jsonl -o curves.png
    tcaffe plot run.jsonl -o curves.html --smooth 20
    tcaffe plot adam.jsonl sgd.jsonl caffe.log -o compared.svg

    A file is what `tcaffe train --metrics` writes, or a log of Caffe or of `tcaffe train --log`. A run that is still
    going on can be drawn. Tests are drawn with broken lines. Where a run went back to a snapshot, what had followed
    the snapshot is left out. A .html page is one file that loads nothing.
    """
    kind = Path(output).suffix.lower()
    if kind not in FORMATS:
        raise click.BadParameter(f"the name must end with {', '.join(FORMATS)}", param_hint="'-o'")
    runs = read_runs([Path(name) for name in metrics])
    for run in runs:
        if run.unread:
            screen.note(f"{run.name}: {units.plural(run.unread, 'line')} could not be read")
    drawn = picture(runs, kind, smooth)
    write_whole(output, lambda staging: staging.write_bytes(drawn))
    curves = units.plural(sum(len(run.curves) for run in runs), "curve")
    screen.show(f"{output}: {curves} of {units.plural(len(runs), 'run')}")
