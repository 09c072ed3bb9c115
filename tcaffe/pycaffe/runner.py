"""The runner: forward and backward passes over runs of layers, cut at those that run on the host."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

import numpy as np

from tcaffe.frontend.lower import Lowered
from tcaffe.ir.node import Node
from tcaffe.pycaffe.backward import backward_graph, needing_gradients
from tcaffe.pycaffe.blob import Blob, ParameterBlob
from tcaffe.pycaffe.cutting import read_before
from tcaffe.pycaffe.hooks import Hooks
from tcaffe.pycaffe.hosts import Hosts
from tcaffe.pycaffe.section import Backward, Forward

KEPT = 16  # compiled sections that are remembered, one for each range of layers, direction and shapes of the inputs
Part = TypeVar("Part", Forward, Backward)


class Runner:
    """What runs a lowered net on its blobs. Sections are compiled when they are first needed."""

    def __init__(self, blobs: Mapping[str, Blob], hosts: Hosts, forward: Hooks, backward: Hooks) -> None:
        self._blobs, self._hosts = blobs, hosts
        self._around_forward, self._around_backward = forward, backward
        self._sections: OrderedDict[Any, Any] = OrderedDict()
        self._key: dict[str, np.ndarray] = {}  # of the random numbers, by the name of the graph's input
        self._kept_values: dict[str, np.ndarray] = {}  # what forward passes left for backward passes

    def take(self, lowered: Lowered, params: Mapping[str, ParameterBlob]) -> None:
        """Run `lowered` from now on: the net for other shapes; sections of older shapes stay at hand."""
        self._lowered, self._params = lowered, params
        self._shapes = tuple((n.name, n.shape) for n in lowered.graph.inputs)
        self._kept: frozenset[str] | None = None
        self._needing: set[Node] = needing_gradients(lowered)

    def forget(self) -> None:
        """Drop all sections: the parameters they were compiled for are not the net's any more."""
        self._sections.clear()

    # ── forward ─────────────────────────────────────────────────────────────────────────────────────

    def forward(self, first: int, last: int, key: np.ndarray | None, reshaped: Callable[[], None]) -> None:
        """Run layers `first` to `last`; `key` is that of random numbers. A host layer may have `reshaped` its tops."""
        if self._lowered.random and key is not None:
            self._key = {self._lowered.random.name: key}
        for begin, end, hosted in self._parts(first, last, self._around_forward):
            with self._around_forward.around(begin):
                if hosted:
                    self._on_host(begin, reshaped)
                else:
                    make = partial(Forward, self._lowered, begin, end, self._params, self._values_to_keep())
                    self._kept_values |= self._section(Forward, begin, end, make).run(self._blobs, self._key)

    def _on_host(self, index: int, reshaped: Callable[[], None]) -> None:
        self._hosts.run(index)
        layer = self._lowered.layers[index]
        if any(self._blobs[top].shape != v.shape for top, v in zip(layer.tops, layer.values, strict=True)):
            reshaped()

    def _values_to_keep(self) -> frozenset[str]:
        """What the backward passes of all parts need of the forward pass."""
        if self._kept is None:
            self._kept = frozenset[str]()
            if self._needing:
                parts = [(b, e) for b, e, hosted in self._parts(0, len(self._lowered.layers) - 1) if not hosted]
                self._kept = frozenset(v for b, e in parts for v in backward_graph(self._lowered, b, e).kept.values())
        return self._kept

    # ── backward ────────────────────────────────────────────────────────────────────────────────────

    def backward(self, first: int, last: int) -> None:
        """Run layers `last` to `first` backward, from the diffs of what none of them reads."""
        given: set[str] = set()
        for begin, end, hosted in reversed(list(self._parts(first, last, self._around_backward))):
            before = read_before(self._lowered, begin, end)
            given.difference_update(*(layer.tops for layer in self._lowered.layers[begin : end + 1]))
            with self._around_backward.around(begin), self._adding(given & before.keys()):
                if hosted:
                    self._hosts.run_backward(begin, [value in self._needing for value in before.values()])
                else:
                    make = partial(Backward, self._lowered, begin, end, self._params)
                    self._section(Backward, begin, end, make).run(self._blobs, self._key | self._kept_values)
            given |= before.keys()

    @contextmanager
    def _adding(self, names: set[str]) -> Iterator[None]:
        """Add what these blobs have as their diffs to what they are given inside: several parts read them."""
        had = {name: self._blobs[name].diff.copy() for name in names}
        yield
        for name, diff in had.items():
            self._blobs[name].bind_diff(self._blobs[name].diff + diff)

    # ── parts ───────────────────────────────────────────────────────────────────────────────────────

    def _parts(self, first: int, last: int, hooks: Hooks | None = None) -> Iterator[tuple[int, int, bool]]:
        """Runs of layers that are compiled together, and, one by one, host layers and those that have `hooks`."""
        for hosted, part in groupby(range(first, last + 1), self._hosts.__contains__):
            indices = list(part)
            if hosted or hooks:
                yield from ((k, k, hosted) for k in indices)
            else:
                yield indices[0], indices[-1], False

    def _section(self, kind: type[Part], first: int, last: int, make: Callable[[], Part]) -> Part:
        """A section compiled for the shapes of now."""
        key = (kind, first, last, self._shapes)
        section: Part = self._sections.pop(key, None) or make()
        self._sections[key] = section
        hooked = 2 * len(self._lowered.layers) if self._around_forward or self._around_backward else 0
        if len(self._sections) > KEPT + hooked:
            self._sections.popitem(last=False)
        return section
