"""Data-parallel training: every process computes gradients for its own batch, and all update with their mean.

Gradients lie in buckets, those that the backward pass finds first in the first. A bucket is on its way to the other
processes as soon as the last of its gradients is there, while the pass goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tcaffe.compiler import build
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.pipeline import UPDATE
from tcaffe.runtime.context import Context
from tcaffe.train.engine import StepEngine, set_rate, sum_of
from tcaffe.train.group import Wait
from tcaffe.train.update import assigned

BUCKET = 4 << 20  # bytes: sending outweighs starting to send, and the first bucket is soon on its way


@dataclass(frozen=True)
class Bucket:
    """Gradients that travel together: `names` of the views that make up `array`."""

    array: np.ndarray
    names: frozenset[str]


def bucketed(nodes: Sequence[Node]) -> tuple[list[Bucket], Mapping[str, np.ndarray]]:
    """Zeros for `nodes`, each a view of its bucket, and the buckets in the order of `nodes`."""
    buckets: list[Bucket] = []
    views: dict[str, np.ndarray] = {}
    for part in _parts(nodes):
        array = np.zeros(sum(node.type.size for node in part), np.float32)
        start = 0
        for node in part:
            views[node.name] = array[start : start + node.type.size].reshape(node.shape)
            start += node.type.size
        buckets.append(Bucket(array, frozenset(node.name for node in part)))
    return buckets, views


def _parts(nodes: Sequence[Node]) -> list[list[Node]]:
    """`nodes` cut into parts of BUCKET bytes, or a little more."""
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if sum(each.type.nbytes for each in parts[-1]) >= BUCKET:
            parts.append([])
        parts[-1].append(node)
    return [part for part in parts if part]


class ParallelEngine(StepEngine):
    """An engine that is one of a group: all have the same parameters, before and after every update.

    An iteration is two programs: the passes, which leave their gradients in buckets, and the update.
    """

    def _compile(self) -> None:
        """Make both programs; what the first process starts with is what all start with."""
        for value in self.values.values():
            self.group.share(value)
        self._sums = {w: sum_of(w) for w in self._gradients}
        self._buckets, views = bucketed([*self._sums.values()][::-1])
        self.values |= views
        self.executable = self._built(self._last_pass())
        self._last = self._others = self.executable.context()
        self._update = build(self._mean_update(), self.values, [UPDATE], target=self._target).context()

    def _last_pass(self) -> Graph:
        """The last pass of an iteration, which may be the only one."""
        if self._settings.iter_size > 1:
            return self._gathering()
        return self._graph(assigned({self._sums[w]: g for w, g in self._gradients.items()}))

    def _mean_update(self) -> Graph:
        """The update by the mean of all processes' gradients."""
        means = {w: total * (1 / self.group.size) for w, total in self._sums.items()}
        return Graph("update", self._update_by(means))

    def _finish(self, context: Context, rate: float) -> float:
        """The last pass, each bucket sent when it is full, and the update when all have come back."""
        missing = {id(bucket): set(bucket.names) for bucket in self._buckets}
        home = {name: bucket for bucket in self._buckets for name in bucket.names}
        waits: list[Wait] = []

        def finished(name: str) -> None:
            bucket = home.get(name)
            if bucket is not None:
                missing[id(bucket)].discard(name)
                if not missing[id(bucket)]:
                    waits.append(self.group.add_up(bucket.array))

        loss = self._pass(context, finished)
        for wait in waits:
            wait()
        set_rate(self._update, rate)
        self._update.run()
        return loss
