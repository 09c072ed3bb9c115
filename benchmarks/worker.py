"""Engines in processes of their own, seen from the one that asks.

Engines never share a process, as their thread pools would disturb each other, and while one runs the others are
stopped by a signal, so that no pool of theirs can spin on the cores being measured.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.case import Case

ROOT = Path(__file__).parents[1]


class Turn(NamedTuple):
    """One engine's turn: seconds of its fastest run, and the share of the turn its threads waited for a core."""

    seconds: float
    disturbed: float


class Failed(Exception):
    """An engine could not be imported or could not load or run the net; the text says why."""


class Worker:
    """A stopped child with a loaded engine; every question wakes it, and its answer stops it again.

    Raises Failed where the engine cannot be loaded.
    """

    def __init__(self, peer: str, case: Case, variant: str = "") -> None:
        self.connection, theirs = Pipe()
        arguments = [theirs.fileno(), peer, case.net, case.batch, case.threads, case.work, variant]
        command = [sys.executable, "-m", "benchmarks.serve", *map(str, arguments)]
        self.process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], start_new_session=True)
        theirs.close()
        try:
            self.variant, self.version = self._answer()
        except Failed:
            self.close()
            raise
        self._signal(signal.SIGSTOP)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        self.process.kill()
        self.process.wait()
        self.connection.close()

    def output(self) -> np.ndarray:
        """What the engine gives for the case's input, float32; see `Engine`."""
        return self._ask("output")

    def turn(self, seconds: float) -> Turn:
        """A warm-up run, then runs for about `seconds`."""
        return Turn(*self._ask("turn", seconds))

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
            good, answer = self.connection.recv()
        except EOFError as error:
            raise Failed(f"the process ended with status {self.process.wait()}") from error
        if not good:
            raise Failed(answer)
        return answer

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)
