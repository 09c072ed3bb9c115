"""Nets on a CPU, tcaffe beside other engines: same nets, weights, threads, taking turns in one run."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks import machine, report
from benchmarks.case import Case, Work
from benchmarks.measure import measure, sgemm_gflops
from benchmarks.nets import NETS
from benchmarks.peers import ENGINES_OF

RESULTS = Path(__file__).parent / "results"
FILES: dict[Work, str] = {"forward": "cpu", "gradients": "train", "step": "step"}


@click.command()
@click.option("--nets", default=",".join(NETS), show_default=True, help="Nets to run.")
@click.option("--train", is_flag=True, help="Forward and backward passes, with the gradients of all parameters.")
@click.option("--batch", help="Batch sizes  [default: 1,16; to train: 16]")
@click.option("--peers", help="Engines; all are compared with the first  [default: all]")
@click.option("--threads", default=2, show_default=True, help="Threads every engine may use.")
@click.option("--rounds", default=7, show_default=True, help="Rounds; in each, every engine has a turn.")
@click.option("--seconds", default=0.5, show_default=True, help="Length of a turn.")
@click.option("--quick", is_flag=True, help="Batch 1 only, three short rounds.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write  [default: one in benchmarks/results]")
def main(
    nets: str,
    train: bool,
    batch: str | None,
    peers: str | None,
    threads: int,
    rounds: int,
    seconds: float,
    quick: bool,
    out: Path | None,
) -> None:
    """Measure, print the tables, and keep every figure as JSON."""
    if quick:
        batch, rounds, seconds = "1", 3, 0.2
    work: Work = "gradients" if train else "forward"
    sizes = [int(size) for size in (batch or ("16" if train else "1,16")).split(",")]
    cases = [Case(net, size, threads, work) for net in _names(nets, NETS) for size in sizes]
    names = _names(peers or ",".join(ENGINES_OF[work]), ENGINES_OF[work])
    benchmark(cases, names, rounds, seconds, out)


def benchmark(cases: Sequence[Case], names: Sequence[str], rounds: int, seconds: float, out: Path | None) -> None:
    """Measure cases of one work and one number of threads, print the tables, and keep every figure as JSON."""
    date, threads, work = datetime.now(UTC), cases[0].threads, cases[0].work
    run: dict[str, Any] = {
        "date": date.isoformat(timespec="minutes"),
        "threads": threads,
        "work": work,
        "machine": machine.describe(),
        "sgemm_gflops": 0.0,
        "rows": [],
    }
    path = out or RESULTS / f"{FILES[work]}-{date:%Y%m%d-%H%M}-t{threads}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    console = report.wide()
    with console.status("") as status:
        for number, case in enumerate(cases, 1):
            status.update(f"{case.net} batch {case.batch} ({number} of {len(cases)})")
            run["sgemm_gflops"] = max(run["sgemm_gflops"], sgemm_gflops(case, seconds))
            run["rows"] += measure(case, names, rounds, seconds)
            path.write_text(json.dumps(run, indent=1))
    report.show(run, console)
    console.print(f"\nEvery figure: {path}")


def _names(text: str, known: Collection[str]) -> list[str]:
    """The names in a comma-separated list; raises click's error for one that is not `known`."""
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()
