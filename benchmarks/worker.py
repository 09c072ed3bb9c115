"""A child process that holds one engine and answers one question at a time.

Engines never share a process, as their thread pools would disturb each other, and while one runs the others are
stopped by a signal, so that no pool of theirs can spin on the cores being measured.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from benchmarks.peers import PEERS, Engine
from benchmarks.weights import Case


class Turn(NamedTuple):
    """One engine's turn: seconds of its fastest run, and the share of the machine others used meanwhile, 0 to 1."""

    seconds: float
    disturbed: float


class Failed(Exception):
    """An engine could not be imported or could not load or run the net; the text says why."""


class Worker:
    """A stopped child with a loaded engine; every call wakes it, asks, and stops it again."""

    def __init__(self, peer: str, case: Case, variant: str = "") -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, peer, case, variant), daemon=True)
        self.process.start()
        theirs.close()
        self.variant, self.version = self._answer()
        self._signal(signal.SIGSTOP)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.join()

    def output(self) -> np.ndarray:
        """What the net gives for the case's input, float32 [batch, 1000]."""
        return self._ask("output")

    def turn(self, seconds: float) -> Turn:
        """A warm-up run, then runs for about `seconds`."""
        return self._ask("turn", seconds)

    def peak(self) -> int:
        """Bytes of memory the process grew by while it loaded and ran, at its peak."""
        return self._ask("peak")

    def _ask(self, question: str, *arguments: Any) -> Any:
        self._signal(signal.SIGCONT)
        self.connection.send((question, *arguments))
        answer = self._answer()
        self._signal(signal.SIGSTOP)
        return answer

    def _answer(self) -> Any:
        try:
            ok, answer = self.connection.recv()
        except EOFError as error:
            self.process.join()
            raise Failed(f"the process ended with status {self.process.exitcode}") from error
        if not ok:
            raise Failed(answer)
        return answer

    def _signal(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)


def _serve(connection: Connection, peer: str, case: Case, variant: str) -> None:
    """Load, then answer until the parent ends us."""
    try:
        module = import_module(PEERS[peer])
        held = _Held(module, case, variant)
        connection.send((True, (held.engine.variant, module.version())))
        while True:
            question, *arguments = connection.recv()
            connection.send((True, getattr(held, question)(*arguments)))
    except Exception as error:
        connection.send((False, f"{type(error).__name__}: {error}"))


class _Held:
    """The engine in its process, and the answers a `Worker` may ask for."""

    def __init__(self, module: ModuleType, case: Case, variant: str) -> None:
        self.data = case.data()
        self.resident = _reset_peak()
        self.engine: Engine = module.load(case, variant)

    def output(self) -> np.ndarray:
        return np.array(self.engine.run(self.data))

    def turn(self, seconds: float) -> Turn:
        self.engine.run(self.data)
        times: list[float] = []
        start, others = time.perf_counter(), _others_seconds()
        while not times or time.perf_counter() - start < seconds:
            begin = time.perf_counter()
            self.engine.run(self.data)
            times.append(time.perf_counter() - begin)
        capacity = (time.perf_counter() - start) * (os.cpu_count() or 1)
        return Turn(min(times), max(0.0, (_others_seconds() - others) / capacity))

    def peak(self) -> int:
        for _ in range(3):
            self.engine.run(self.data)
        return _status("VmHWM") - self.resident


def _others_seconds() -> float:
    """Processor time used by everything on the machine but this process, as far as the system tells."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    line = Path("/proc/stat").read_text().split("\n")[0]
    user, nice, system, _idle, _wait, irq, softirq, stolen, *_ = (int(ticks) for ticks in line.split()[1:])
    everything = (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")
    return everything - usage.ru_utime - usage.ru_stime


def _reset_peak() -> int:
    """Bytes resident now; the system's record of the peak starts from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    """A size of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
