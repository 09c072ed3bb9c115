"""Feeds that read ahead: batches are read and made in other threads while a net works on those before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import numpy as np

from tcaffe.data.feed import Arrays, Shape, Shard
from tcaffe.data.seeds import Random, Seeds

R = TypeVar("R")
T = TypeVar("T")

THREADS = 2  # that make batches: decoding and arithmetic release the interpreter


def in_order(make: Callable[[T], R], items: Iterable[T], threads: int) -> Generator[R]:
    """What `make` gives for each item, in their order; it runs in `threads` threads, a few items ahead.

    What it raises is raised at the item's turn. Closed, it begins no more.
    """
    pool = ThreadPoolExecutor(threads, "tcaffe maker")
    begun: deque[Future[R]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(make, item))
            if len(begun) > 2 * threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class Ahead(Generic[R]):
    """The batches at positions `step` apart: `read` gets what is stored, in order, in a thread of its own; `make`, a
    pure function of the position and that, turns it into arrays, several batches at a time.

    What they raise, `take` raises. At most `depth` batches are under way.
    """

    def __init__(self, read: Callable[[int], R], make: Callable[[int, R], Arrays], step: int, depth: int) -> None:
        self._read, self._make, self._step, self._depth = read, make, step, max(depth, 1)
        self._queue: deque[tuple[int, Future[Arrays]]] = deque()
        self._reader: ThreadPoolExecutor | None = None
        self._makers: ThreadPoolExecutor | None = None

    def take(self, position: int) -> Arrays:
        """The batch at a position; those after it are begun."""
        if not self._queue or self._queue[0][0] != position:
            self.drop()
        following = self._queue[-1][0] + self._step if self._queue else position
        while len(self._queue) <= self._depth:
            self._queue.append((following, self._begin(following)))
            following += self._step
        return self._queue.popleft()[1].result()

    def drop(self) -> None:
        """Forget what is under way."""
        for _, batch in self._queue:
            batch.cancel()
        self._queue.clear()

    def close(self) -> None:
        """End the threads; `take` starts others."""
        self.drop()
        for pool in (self._makers, self._reader):
            if pool:
                pool.shutdown(cancel_futures=True)
        self._reader = self._makers = None

    def _begin(self, position: int) -> Future[Arrays]:
        if self._reader is None or self._makers is None:
            self._reader = ThreadPoolExecutor(1, "tcaffe reader")
            self._makers = ThreadPoolExecutor(THREADS, "tcaffe maker")
        stored = self._reader.submit(self._read, position)
        return self._makers.submit(lambda: self._make(position, stored.result()))


class ReadingFeed(ABC, Generic[R]):
    """A feed of batches of `size` items that are read, by `_read`, and made, by `_make`, ahead of their use.

    Random numbers depend on the seed and on the position alone, so that it does not matter who makes a batch and when.
    """

    shapes: Mapping[str, Shape]

    def __init__(self, layer: Any, size: int, random: Random, shard: Shard) -> None:
        self.tops, self.position = tuple(layer.top), 0
        self._size, self._shard, self.seeds = size, shard, Seeds(random)
        self._seed = self.seeds.seed  # with which batches are made ahead
        self._ahead = Ahead(self._read, self._make, size, layer.data_param.prefetch)

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The next items."""
        self.seeds.renew()
        if self.seeds.seed != self._seed:
            self._ahead.drop()
            self._seed = self.seeds.seed
        arrays = self._ahead.take(self.position)
        self.position += self._size
        return arrays

    def made(self, position: int) -> Arrays:
        """The batch at a position, made at once and in this thread."""
        return self._make(position, self._read(position))

    def close(self) -> None:
        """End the threads."""
        self._ahead.close()

    def _named(self, data: np.ndarray, labels: np.ndarray) -> Arrays:
        """Both by the names of the tops; the second may be missing."""
        return dict(zip(self.tops, (data, labels), strict=False))

    def _shapes_of(self, item: Shape) -> Mapping[str, Shape]:
        """The shapes of the tops for items of this shape."""
        return dict(zip(self.tops, ((self._size, *item), (self._size,)), strict=False))

    @abstractmethod
    def _read(self, position: int) -> R:
        """What is stored of the batch at a position; positions come in order, unless one is jumped to."""

    @abstractmethod
    def _make(self, position: int, stored: R) -> Arrays:
        """The batch of what was read."""
