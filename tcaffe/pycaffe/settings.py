"""What pycaffe keeps for each thread: where nets compute, their random numbers, its place among others."""

from __future__ import annotations

import threading

import numpy as np

from tcaffe.compiler import processors, target_of
from tcaffe.ir.target import Target

TRAIN, TEST = 0, 1


class Settings(threading.local):
    """The settings of the current thread.

    `random` is what fillers draw from; `solver_count` and `solver_rank` are how many solvers train together, and which
    of them this is.
    """

    def __init__(self) -> None:
        self.device, self.gpu = 0, False
        self.solver_count, self.solver_rank, self.multiprocess = 1, 0, False
        self.start(None)

    def start(self, seed: int | None) -> None:
        """Start all random numbers anew, from `seed` if there is one."""
        self.random = np.random.default_rng(seed)
        self._seed = int(np.random.default_rng(seed).integers(2**63))
        self._steps = 0

    def next_key(self) -> np.ndarray:
        """The key, (seed, step) i64[2], of the numbers that the layers of one forward pass draw."""
        self._steps += 1
        return np.array([self._seed, self._steps - 1], np.int64)

    @property
    def target(self) -> Target:
        """Where nets compute; raises CompileError (E0627) for a GPU there is not."""
        return target_of(f"cuda:{self.device}") if self.gpu else processors()

    @property
    def key_place(self) -> tuple[int, int]:
        """The key that is next; setting it goes on from there."""
        return self._seed, self._steps

    @key_place.setter
    def key_place(self, place: tuple[int, int]) -> None:
        self._seed, self._steps = place


SETTINGS = Settings()


def set_mode_cpu() -> None:
    """Nets of this thread compute on the CPU, as they do from the start."""
    SETTINGS.gpu = False


def set_mode_gpu() -> None:
    """Nets of this thread compute on the GPU that `set_device` chose.

    Raises CompileError (E0627) where there is none and kernels are not to run in Triton's interpreter either.
    """
    target_of(f"cuda:{SETTINGS.device}")
    SETTINGS.gpu = True


def set_random_seed(seed: int) -> None:
    """Start this thread's random numbers anew, so that fillers, and what layers draw, repeat."""
    SETTINGS.start(seed)


def set_device(device: int) -> None:
    """Choose the GPU that `set_mode_gpu` means; raises ValueError for a negative number."""
    if device < 0:
        raise ValueError(f"devices are numbered from 0, not {device}")
    SETTINGS.device = device


def solver_count() -> int:
    """How many solvers train together."""
    return SETTINGS.solver_count


def set_solver_count(count: int) -> None:
    """Tell how many solvers train together; raises ValueError unless there is one at least."""
    if count < 1:
        raise ValueError(f"there is one solver at least, not {count}")
    SETTINGS.solver_count = count


def solver_rank() -> int:
    """Which of the solvers that train together this thread runs, from 0."""
    return SETTINGS.solver_rank


def set_solver_rank(rank: int) -> None:
    """Tell which of the solvers this thread runs; the first writes logs and snapshots."""
    SETTINGS.solver_rank = rank


def set_multiprocess(multiprocess: bool) -> None:
    """Tell whether the solvers run in processes of their own."""
    SETTINGS.multiprocess = multiprocess


def has_nccl() -> bool:
    """Whether solvers can exchange gradients by NCCL; they cannot."""
    return False
