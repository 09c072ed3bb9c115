"""Groups of processes that train one net together, each on its own share of the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic

Wait = Callable[[], None]

PATIENCE = timedelta(minutes=30)  # how long the others wait for one that does not answer: tests and snapshots take time
AFTER_ERROR = timedelta(seconds=10)


class Group(Protocol):
    """The processes that train together: `rank` is this one's number of `size`. The first is the one that speaks.

    All processes call the same methods in the same order. They raise CompileError (E0807) where another one is gone.
    """

    rank: int
    size: int

    def add_up(self, array: np.ndarray) -> Wait:
        """Begin to replace `array`, float32, by the sum of all processes' arrays, and return what waits for that."""

    def share(self, array: np.ndarray) -> None:
        """Replace `array` by that of the first process."""

    def largest(self, number: int) -> int:
        """The largest of the numbers that all processes give."""


class Alone:
    """A group of one process."""

    rank, size = 0, 1

    def add_up(self, array: np.ndarray) -> Wait:
        """The array is the sum."""
        return lambda: None

    def share(self, array: np.ndarray) -> None:
        """The array is the first's."""

    def largest(self, number: int) -> int:
        """The number itself."""
        return number


ALONE = Alone()


class Torch:
    """Processes that torchrun started, on one machine or several, connected by gloo."""

    def __init__(self) -> None:
        self._library = library = _distributed()
        with _explained():
            library.init_process_group("gloo", timeout=PATIENCE)
        self._under_way: list[Any] = []
        self.rank: int = library.get_rank()
        self.size: int = library.get_world_size()

    def add_up(self, array: np.ndarray) -> Wait:
        """Begin a sum over all processes; others may begin before it is done."""
        with _explained():
            work = self._library.all_reduce(_tensor(array), async_op=True)
        self._under_way.append(work)

        def wait() -> None:
            with _explained():
                work.wait()
            self._under_way.remove(work)

        return wait

    def share(self, array: np.ndarray) -> None:
        """Take the first process's array."""
        with _explained():
            self._library.broadcast(_tensor(array), 0)

    def largest(self, number: int) -> int:
        """Ask all."""
        place = np.array([number], np.int64)
        with _explained():
            self._library.all_reduce(_tensor(place), self._library.ReduceOp.MAX)
        return int(place[0])

    def close(self) -> None:
        """Leave the group. What is still under way after an error fails first: its threads end before the process."""
        for work in self._under_way:
            with suppress(RuntimeError):
                work.wait(AFTER_ERROR)
        with suppress(RuntimeError):
            self._library.destroy_process_group()


@contextmanager
def joined() -> Iterator[Group]:
    """The group that torchrun's environment variables describe, for as long as the body runs; else a group of one."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        yield ALONE
        return
    group = Torch()
    try:
        yield group
    finally:
        group.close()


def own_share(count: int) -> int:
    """Of `count` things this machine has, such as cores, those for each of its processes: one at least."""
    return max(1, count // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


@contextmanager
def _explained() -> Iterator[None]:
    """Say what it means for training when a message does not get through."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        note = "the last snapshot is whole: start all processes anew with --snapshot"
        message = f"another process of this training is gone, or cannot be reached: {reason}"
        raise CompileError([Diagnostic("E0807", message, note=note)]) from error


def _tensor(array: np.ndarray) -> object:
    """The same memory, as torch's functions take it."""
    import torch

    return torch.from_numpy(array)


def _distributed() -> ModuleType:
    """The optional library, loaded when processes train together."""
    try:
        from torch import distributed
    except ImportError as error:
        message = "training in several processes needs torch"
        raise CompileError([Diagnostic("E0807", message, suggestion="pip install 'tcaffe[distributed]'")]) from error
    module: ModuleType = distributed
    return module
