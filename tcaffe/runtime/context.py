"""Contexts: one caller's arena, bound to the kernels once, run as often as wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from tcaffe.runtime.arena import Arena, look
from tcaffe.runtime.manifest import Call, Manifest, View
from tcaffe.runtime.params import Parameters

Run = Callable[[], None]
Arrays = Mapping[str, np.ndarray]
Bind = Callable[[Call, Arrays, Parameters], Run]
"""Gives what runs a call on these views and parameters."""


class Context:
    """An arena and every kernel call bound to it. One thread at a time may use it.

    Where kernels give parameters their next values, only one of all contexts of an executable may run at a time.

    `inputs` and `outputs` are views of the arena by name. The memory of an input may be used for other values
    once it has been read: fill the inputs before every run, and read the outputs before the next.
    """

    def __init__(
        self, manifest: Manifest, params: Parameters, bind: Bind, awake: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self.arena = Arena(manifest.plan.size)
        self._awake = awake
        stored = {name for call in manifest.calls for name in call.outputs}

        def home(view: View) -> np.ndarray:
            if not view.param:
                return self.arena.view(view)
            return look(view, params.writable(view.param) if view.name in stored else params[view.param])

        views = {view.name: home(view) for view in manifest.views}
        self.inputs: Mapping[str, np.ndarray] = MappingProxyType({name: views[name] for name in manifest.inputs})
        self.outputs: Mapping[str, np.ndarray] = MappingProxyType({n: views[v] for n, v in manifest.outputs.items()})
        self._kernels = tuple(bind(call, views, params) for call in manifest.calls)
        self._finished = _finished(manifest)

    def run(self, finished: Callable[[str], None] | None = None) -> None:
        """Compute the outputs from the inputs. Allocates nothing of size; a not-a-number is a result, not a warning.

        `finished` is called with the name of each parameter that is given a next value, as soon as it is there.
        """
        with np.errstate(all="ignore"), self._awake():
            if finished is None:
                for run in self._kernels:
                    run()
                return
            for run, names in zip(self._kernels, self._finished, strict=True):
                run()
                for name in names:
                    finished(name)

    def timed(self) -> list[float]:
        """Compute as `run` does, and tell the seconds of each kernel, in order."""
        marks = [0.0] * (len(self._kernels) + 1)
        with np.errstate(all="ignore"), self._awake():
            marks[0] = time.perf_counter()
            for k, run in enumerate(self._kernels, 1):
                run()
                marks[k] = time.perf_counter()
        return [end - start for start, end in pairwise(marks)]


def _finished(manifest: Manifest) -> list[list[str]]:
    """For each kernel, the parameters that no kernel after it writes to."""
    params = {view.name: view.param for view in manifest.views if view.param}
    last = {params[name]: k for k, call in enumerate(manifest.calls) for name in call.outputs if name in params}
    found: list[list[str]] = [[] for _ in manifest.calls]
    for name, k in last.items():
        found[k].append(name)
    return found
