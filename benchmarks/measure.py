"""One case measured: all engines loaded, their answers compared, then taking turns in rounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.files import write_files
from benchmarks.peers.sgemm_engine import GFLOP
from benchmarks.worker import Failed, Turn, Worker

AGREEMENT = 1e-3  # greatest difference of two engines' outputs, relative to the greatest output
QUIET = 0.1  # a turn counts as undisturbed when its threads waited less than this share of it for a core
PATIENCE = 5  # turns in search of an undisturbed one

Row = dict[str, Any]


def measure(case: Case, peers: Sequence[str], rounds: int, seconds: float) -> list[Row]:
    """A row an engine; the first that loads is what the others are compared with. A row may be just `failed`: why."""
    write_files(case)
    rows: dict[str, Row] = {peer: {"net": case.net, "batch": case.batch, "peer": peer} for peer in peers}
    workers: dict[str, Worker] = {}
    with ExitStack() as stack:
        for peer in peers:
            try:
                workers[peer] = stack.enter_context(Worker(peer, case))
            except Failed as error:
                rows[peer]["failed"] = str(error)
        errors = compare(workers)
        for peer, turns in take_turns(workers, rounds, seconds).items():
            rows[peer] |= {
                "version": workers[peer].version,
                "variant": workers[peer].variant,
                "error": errors[peer],
                "gflop": 2 * case.describe().macs * case.batch / 1e9,
                "seconds": [turn.seconds for turn in turns],
                "disturbed": [round(turn.disturbed, 3) for turn in turns],
            }
    for peer in workers:
        rows[peer]["peak_bytes"] = peak(case, peer, rows[peer]["variant"])
    return list(rows.values())


def compare(workers: dict[str, Worker]) -> dict[str, float]:
    """How far each engine's output is from the first engine's, relative to its greatest."""
    outputs = {peer: worker.output() for peer, worker in workers.items()}
    reference = next(iter(outputs.values()))
    return {peer: float(np.abs(out - reference).max() / np.abs(reference).max()) for peer, out in outputs.items()}


def take_turns(workers: dict[str, Worker], rounds: int, seconds: float) -> dict[str, list[Turn]]:
    """A turn an engine in every round; each round starts with the next engine."""
    order = list(workers)
    turns: dict[str, list[Turn]] = {peer: [] for peer in order}
    for number in range(rounds):
        for peer in order[number % len(order) :] + order[: number % len(order)]:
            turns[peer].append(quiet_turn(workers[peer], seconds))
    return turns


def quiet_turn(worker: Worker, seconds: float) -> Turn:
    """The first undisturbed turn, or after some tries the least disturbed."""
    tries: list[Turn] = []
    while len(tries) < PATIENCE and (not tries or tries[-1].disturbed > QUIET):
        time.sleep(0.3 * len(tries))
        tries.append(worker.turn(seconds))
    return min(tries, key=lambda turn: turn.disturbed)


def peak(case: Case, peer: str, variant: str) -> int:
    """Bytes a fresh process grows by while it loads and runs the net."""
    with Worker(peer, case, variant) as worker:
        return worker.peak()


def sgemm_gflops(case: Case, seconds: float) -> float:
    """GFLOP/s of numpy's matrix product on the threads of `case`: what the cores can do."""
    with Worker("sgemm", case) as worker:
        return GFLOP / quiet_turn(worker, seconds).seconds
