"""Inference on a CPU, tcaffe beside other engines: same nets, weights and threads, taking turns in one run."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks import machine, report
from benchmarks.case import Case
from benchmarks.measure import measure, sgemm_gflops
from benchmarks.nets import NETS
from benchmarks.peers import PEERS

RESULTS = Path(__file__).parent / "results"


@click.command()
@click.option("--nets", default=",".join(NETS), show_default=True, help="Nets to run.")
@click.option("--batch", default="1,16", show_default=True, help="Batch sizes.")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Engines; all are compared with the first.")
@click.option("--threads", default=2, show_default=True, help="Threads every engine may use.")
@click.option("--rounds", default=7, show_default=True, help="Rounds; in each, every engine has a turn.")
@click.option("--seconds", default=0.5, show_default=True, help="Length of a turn.")
@click.option("--quick", is_flag=True, help="Batch 1 only, three short rounds.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write  [default: one in benchmarks/results]")
def main(
    nets: str, batch: str, peers: str, threads: int, rounds: int, seconds: float, quick: bool, out: Path | None
) -> None:
    """Measure, print the tables, and keep every figure as JSON."""
    if quick:
        batch, rounds, seconds = "1", 3, 0.2
    names = _names(peers, PEERS)
    date = datetime.now(UTC)
    run: dict[str, Any] = {
        "date": date.isoformat(timespec="minutes"),
        "threads": threads,
        "machine": machine.describe(),
        "sgemm_gflops": 0.0,
        "rows": [],
    }
    path = out or RESULTS / f"cpu-{date:%Y%m%d-%H%M}-t{threads}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    cases = [Case(net, int(size), threads) for net in _names(nets, NETS) for size in batch.split(",")]
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
