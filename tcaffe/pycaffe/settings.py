"""What pycaffe keeps for each thread: where nets compute, and the random numbers they start from."""

from __future__ import annotations

import itertools
import threading

import numpy as np

TRAIN, TEST = 0, 1


class Settings(threading.local):
    """The settings of the current thread: `random` is what fillers draw from."""

    def __init__(self) -> None:
        self.start(None)

    def start(self, seed: int | None) -> None:
        """Start all random numbers anew, from `seed` if there is one."""
        self.random = np.random.default_rng(seed)
        self._seed = int(np.random.default_rng(seed).integers(2**63))
        self._steps = itertools.count()

    def next_key(self) -> np.ndarray:
        """The key, (seed, step) i64[2], of the numbers that the layers of one forward pass draw."""
        return np.array([self._seed, next(self._steps)], np.int64)


SETTINGS = Settings()


def set_mode_cpu() -> None:
    """Nets of this thread compute on the CPU, as they do from the start."""


def set_mode_gpu() -> None:
    """Refuse: nets compute on the CPU only."""
    raise RuntimeError("there is no GPU mode yet: nets compute on the CPU; leave set_mode_gpu out or call set_mode_cpu")


def set_random_seed(seed: int) -> None:
    """Start this thread's random numbers anew, so that fillers, and what layers draw, repeat."""
    SETTINGS.start(seed)
