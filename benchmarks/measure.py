"""One case measured: all engines loaded, their answers compared, then taking turns in rounds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.files import write_files
from benchmarks.peers.sgemm_engine import GFLOP
from benchmarks.worker import Failed, Turn, Worker

QUIET = 0.1  # a turn counts as undisturbed when its threads waited less than this share of it for a core
PATIENCE = 5  # turns in search of an undisturbed one

Row = dict[str, Any]


def measure(case: Case, peers: Sequence[str], rounds: int, seconds: float) -> list[Row]:
    """A row an engine; the first is what the others are compared with. `failed` in a row says why it ends."""
    write_files(case)
    rows: dict[str, Row] = {peer: new_row(case, peer) for peer in peers}
    workers: dict[str, Worker] = {}
    with ExitStack() as stack:
        for peer, row in rows.items():
            with noting_failure(row):
                workers[peer] = stack.enter_context(Worker(peer, case))
                row |= {"version": workers[peer].version, "variant": workers[peer].variant}
        compare(rows, workers)
        for number in range(rounds):
            take_turns(rows, workers, number, seconds)
    for row in still_in(rows):
        with noting_failure(row), Worker(row["peer"], case, row["variant"]) as fresh:
            row["peak_bytes"] = fresh.peak()
    return list(rows.values())


def new_row(case: Case, peer: str) -> Row:
    """What is known before anything is measured."""
    return {
        "net": case.net,
        "batch": case.batch,
        "gflop": case.gflop,
        "tolerance": case.tolerance,
        "peer": peer,
        "seconds": [],
        "disturbed": [],
    }


@contextmanager
def noting_failure(row: Row) -> Iterator[None]:
    """Write into the row why its engine failed, if it does."""
    try:
        yield
    except Failed as failure:
        row["failed"] = str(failure)


def still_in(rows: dict[str, Row]) -> list[Row]:
    """The rows of engines that have not failed."""
    return [row for row in rows.values() if "failed" not in row]


def compare(rows: dict[str, Row], workers: dict[str, Worker]) -> None:
    """Note how far each engine's output is from the first engine's, relative to its greatest."""
    outputs: dict[str, np.ndarray] = {}
    for row in still_in(rows):
        with noting_failure(row):
            outputs[row["peer"]] = workers[row["peer"]].output()
    for peer, output in outputs.items():
        reference = next(iter(outputs.values()))
        rows[peer]["error"] = float(np.abs(output - reference).max() / np.abs(reference).max())


def take_turns(rows: dict[str, Row], workers: dict[str, Worker], number: int, seconds: float) -> None:
    """A turn an engine; round `number` starts with the engine of that number."""
    order = still_in(rows)
    start = number % max(len(order), 1)
    for row in order[start:] + order[:start]:
        with noting_failure(row):
            turn = quiet_turn(workers[row["peer"]], seconds)
            row["seconds"].append(turn.seconds)
            row["disturbed"].append(round(turn.disturbed, 3))


def quiet_turn(worker: Worker, seconds: float) -> Turn:
    """The first undisturbed turn, or after some tries the least disturbed."""
    tries: list[Turn] = []
    while len(tries) < PATIENCE and (not tries or tries[-1].disturbed > QUIET):
        time.sleep(0.3 * len(tries))
        tries.append(worker.turn(seconds))
    return min(tries, key=lambda turn: turn.disturbed)


def sgemm_gflops(case: Case, seconds: float) -> float:
    """GFLOP/s of numpy's matrix product on the threads of `case`: what the cores can do."""
    with Worker("sgemm", case) as worker:
        return GFLOP / quiet_turn(worker, seconds).seconds
