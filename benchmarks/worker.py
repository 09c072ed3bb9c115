"""A child process that holds one engine and answers one question at a time.

Engines never share a process, as their thread pools would disturb each other, and while one runs the others are
stopped by a signal, so that no pool of theirs can spin on the cores being measured.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from benchmarks.peers import PEERS, Engine
from benchmarks.weights import Case

PR_SET_PDEATHSIG = 1  # Linux, <sys/prctl.h>


class Turn(NamedTuple):
    """One engine's turn: seconds of its fastest run, and the share of the turn its threads waited for a core."""

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
        _die_with_parent()
        _come_first()
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
        start, waited = time.perf_counter(), _waited()
        while not times or time.perf_counter() - start < seconds:
            begin = time.perf_counter()
            self.engine.run(self.data)
            times.append(time.perf_counter() - begin)
        return Turn(min(times), (_waited() - waited) / (time.perf_counter() - start))

    def peak(self) -> int:
        for _ in range(3):
            self.engine.run(self.data)
        return _status("VmHWM") - self.resident


def _die_with_parent() -> None:
    """Have the system kill this process when its parent ends, however it ends: a stopped process cannot notice."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _come_first() -> None:
    """Take the highest priority the system grants, before any thread pool starts: root gets the cores to itself.

    Linux may weigh sessions before it weighs processes, so a session of our own takes the priority too.
    """
    os.setsid()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        Path("/proc/self/autogroup").write_text("-20")


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
