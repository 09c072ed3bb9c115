"""A stopwatch, as pycaffe has one."""

from __future__ import annotations

import time


class Timer:
    """Measures the time from `start` to `stop`."""

    def __init__(self) -> None:
        self._start = self._stop = 0.0

    def start(self) -> None:
        """Begin."""
        self._start = self._stop = time.perf_counter()

    def stop(self) -> None:
        """End."""
        self._stop = time.perf_counter()

    @property
    def ms(self) -> float:
        """Milliseconds between the last start and the stop after it."""
        return 1e3 * (self._stop - self._start)
