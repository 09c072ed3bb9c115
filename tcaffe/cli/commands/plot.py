"""`tcaffe plot`: loss, accuracy and rate of trainings as curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tcaffe.cli import curves, screen
from tcaffe.cli.command import command


@command
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--output", default="curves.png", show_default=True, metavar="FILE",
              help="A picture (.png, .svg, .pdf) or a page (.html).")  # fmt: skip
@click.option("--smooth", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True, metavar="W",
              help="Mix every value with those before it; 0.9 is smooth.")  # fmt: skip
def plot(files: Sequence[str], output: str, smooth: float) -> None:
    """Draw the curves of trainings: losses, other outputs, learning rate, against the iteration.

    \b
    tcaffe plot run.jsonl
    tcaffe plot old.jsonl new.jsonl --smooth 0.9 -o curves.html
    tcaffe plot caffe.log -o curves.svg

    A FILE is what --metrics of `tcaffe train` wrote, or a log of the original's form. Several are drawn together.
    """
    runs = [curves.read_run(Path(file)) for file in files]
    curves.draw(runs, Path(output), smooth)
    screen.note(f"wrote {output}: {', '.join(sorted({curve for run in runs for curve in run.curves}))}")
