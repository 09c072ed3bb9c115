"""The process that holds one engine: see `Worker`, which starts it and tells it what to hold."""

from __future__ import annotations

import ctypes
import signal
import sys
import time
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np

from benchmarks.case import Case, Work
from benchmarks.foremost import foremost
from benchmarks.peers import ENGINES, ENGINES_OF, Engine

PR_SET_PDEATHSIG = 1  # Linux, <sys/prctl.h>


def serve(connection: Connection, peer: str, case: Case, variant: str) -> None:
    """Load, say what was loaded, then answer until the parent ends us."""
    _die_with_parent()
    try:
        module = import_module((ENGINES | ENGINES_OF[case.work])[peer])
        held = Held(module, case, variant)
        connection.send((True, (held.engine.variant, module.version())))
        while True:
            question, *arguments = connection.recv()
            connection.send((True, getattr(held, question)(*arguments)))
    except Exception as error:
        connection.send((False, f"{type(error).__name__}: {error}"))


class Held:
    """The engine in its process, and the answers a `Worker` may ask for."""

    def __init__(self, module: ModuleType, case: Case, variant: str) -> None:
        self.data = case.data()
        self.resident = _reset_peak()
        self.engine: Engine = module.load(case, variant)

    def output(self) -> np.ndarray:
        """The engine's answer to the case's input."""
        return np.array(self.engine.run(self.data))

    def turn(self, seconds: float) -> tuple[float, float]:
        """A warm-up run, then runs for about `seconds`: the numbers of a `Turn`."""
        times: list[float] = []
        with foremost():
            self.engine.run(self.data)
            start, waited = time.perf_counter(), _waited()
            while not times or time.perf_counter() - start < seconds:
                begin = time.perf_counter()
                self.engine.run(self.data)
                times.append(time.perf_counter() - begin)
        return min(times), (_waited() - waited) / (time.perf_counter() - start)

    def peak(self) -> int:
        """Bytes this process has grown by since before the engine was loaded, at its peak."""
        for _ in range(3):
            self.engine.run(self.data)
        return _status("VmHWM") - self.resident


def _die_with_parent() -> None:
    """Have the system kill this process when its parent ends, however it ends: a stopped process cannot notice."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _waited() -> float:
    """Seconds this process's threads have been ready to run while other programs had the cores."""
    waits = [int(file.read_text().split()[1]) for file in Path("/proc/self/task").glob("*/schedstat")]
    return sum(waits) / 1e9


def _reset_peak() -> int:
    """Bytes resident now; the system's record of the peak starts from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    """A size of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    descriptor, peer, net, batch, threads, work, variant = sys.argv[1:]
    serve(Connection(int(descriptor)), peer, Case(net, int(batch), int(threads), cast(Work, work)), variant)
