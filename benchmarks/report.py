"""The tables of a run: time, speed, memory. `python -m benchmarks.report FILE.json` prints a saved one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.measure import QUIET, Row

WORK = {"forward": "forward", "gradients": "forward and backward", "step": "forward, backward and update"}
Cell = Callable[[Row, Row], str]


def tables(run: dict[str, Any]) -> Iterator[tuple[str, Table]]:
    """Time against the first engine, GFLOP/s beside the machine's peak, peak memory; each with what it says."""
    rows: list[Row] = [row for row in run["rows"] if "failed" not in row]
    peers = list(dict.fromkeys(row["peer"] for row in rows))
    first = peers[0]
    times = _table(rows, peers, _time)
    times.add_row("geometric mean", "", "", *(f"{mean:.2f}x" for mean in geomeans(rows, peers, ratio)[1:]))
    yield f"Time in ms, and how many times {first}'s it is (above 1: {first} is faster)", times
    peak = f"numpy's sgemm reaches {run['sgemm_gflops']:.0f} here"
    yield f"GFLOP/s, every multiply-add of the direct form counted ({peak})", _table(rows, peers, _speed)
    memory = _table(rows, peers, _memory)
    memory.add_row("geometric mean", "", "", *(f"{mean:.2f}x" for mean in geomeans(rows, peers, _growth)[1:]))
    yield "Memory in MB: the most a process grows by while it loads and runs the net", memory


def _table(rows: list[Row], peers: list[str], cell: Cell) -> Table:
    """A line a case, a column an engine; `cell` gets the engine's row and the first engine's."""
    table = Table(box=box.MARKDOWN)
    for column in ("net", "batch", *peers):
        table.add_column(column, justify="left" if column == "net" else "right", no_wrap=True)
    for case in dict.fromkeys((row["net"], row["batch"]) for row in rows):
        here = {row["peer"]: row for row in rows if (row["net"], row["batch"]) == case}
        first = here.get(peers[0], next(iter(here.values())))
        table.add_row(case[0], str(case[1]), *(cell(here[peer], first) if peer in here else "-" for peer in peers))
    return table


def ratio(row: Row, first: Row) -> float:
    """The median over rounds of this engine's time by the first engine's time in the same round."""
    return median(mine / theirs for mine, theirs in zip(row["seconds"], first["seconds"], strict=True))


def geomeans(rows: list[Row], peers: list[str], ratio: Callable[[Row, Row], float]) -> list[float]:
    """For every engine the geometric mean of a ratio, over the cases it and the first engine could run."""
    first = {(row["net"], row["batch"]): row for row in rows if row["peer"] == peers[0]}
    shared = [(row, first[row["net"], row["batch"]]) for row in rows if (row["net"], row["batch"]) in first]
    logs = {peer: [log(ratio(row, base)) for row, base in shared if row["peer"] == peer] for peer in peers}
    return [exp(sum(values) / len(values)) if values else float("nan") for values in logs.values()]


def _time(row: Row, first: Row) -> str:
    relative = "" if row is first else f" {ratio(row, first):.2f}x"
    return f"{median(row['seconds']) * 1e3:.1f}{relative}{_marks(row)}"


def _speed(row: Row, first: Row) -> str:
    return f"{row['gflop'] / median(row['seconds']):.0f}"


def _memory(row: Row, first: Row) -> str:
    relative = "" if row is first else f" {_growth(row, first):.2f}x"
    return f"{row['peak_bytes'] / 1e6:.0f}{relative}"


def _growth(row: Row, first: Row) -> float:
    return row["peak_bytes"] / first["peak_bytes"]


def _marks(row: Row) -> str:
    """`!` where the answer differs from the first engine's, `~` where other programs disturbed the measurement."""
    other = row["error"] > row.get("tolerance", 1e-3)  # runs kept from before had no tolerance of their own
    return ("!" if other else "") + ("~" if median(row["disturbed"]) > QUIET else "")


def wide() -> Console:
    """The terminal, at least as wide as the tables are."""
    return Console(width=max(Console().width, 110), highlight=False)


def show(run: dict[str, Any], console: Console) -> None:
    """Print the run: machine, versions, tables, and what failed."""
    machine = run["machine"]
    what = WORK[run.get("work", "gradients" if run.get("train") else "forward")]  # older runs say whether they train
    console.print(f"{machine['processor']}, {run['threads']} threads, {what}; {run['date']}")
    versions = {row["peer"]: row["version"] for row in run["rows"] if "version" in row}
    console.print(", ".join(f"{peer} {version}" for peer, version in versions.items()))
    for title, table in tables(run):
        console.print(f"\n{title}", table)
    console.print("`!` another answer than the first engine's; `~` other programs used the machine meanwhile")
    for row in run["rows"]:
        if "failed" in row:
            console.print(f"{row['net']} batch {row['batch']}: no {row['peer']}: {row['failed']}", style="red")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        show(json.loads(Path(name).read_text()), wide())
