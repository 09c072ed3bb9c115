"""What pycaffe keeps for each thread: where nets compute, and the random numbers they start from."""

from __future__ import annotations

import threading

import numpy as np

TRAIN, TEST = 0, 1


class Settings(threading.local):
    """The settings of the current thread."""

    def __init__(self) -> None:
        self.random = np.random.default_rng()


SETTINGS = Settings()


def set_mode_cpu() -> None:
    """Nets of this thread compute on the CPU, as they do from the start."""


def set_mode_gpu() -> None:
    """Refuse: nets compute on the CPU only."""
    raise RuntimeError("there is no GPU mode yet: nets compute on the CPU; leave set_mode_gpu out or call set_mode_cpu")


def set_random_seed(seed: int) -> None:
    """Start this thread's random numbers anew, so that fillers repeat."""
    SETTINGS.random = np.random.default_rng(seed)
