"""Whole steps of a solver on a CPU: forward, backward and update of the small nets that a CPU trains to the end."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.case import Case
from benchmarks.cpu import benchmark
from benchmarks.peers import STEPPERS

BATCHES = {"lenet": 64, "cifar_quick": 100}  # those of Caffe's examples


@click.command()
@click.option("--threads", default=2, show_default=True, help="Threads every engine may use.")
@click.option("--rounds", default=7, show_default=True, help="Rounds; in each, every engine has a turn.")
@click.option("--seconds", default=0.5, show_default=True, help="Length of a turn.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write  [default: one in benchmarks/results]")
def main(threads: int, rounds: int, seconds: float, out: Path | None) -> None:
    """Measure, print the tables, and keep every figure as JSON."""
    cases = [Case(net, batch, threads, "step") for net, batch in BATCHES.items()]
    benchmark(cases, list(STEPPERS), rounds, seconds, out)


if __name__ == "__main__":
    main()
