"""Kernels: a manifest and its source, checked and ready to be bound to arenas; one kind for each target."""

from __future__ import annotations

import linecache
import weakref
from collections.abc import Callable, Mapping
from itertools import count
from typing import Protocol

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.runtime.context import Arrays, Context, Run
from tcaffe.runtime.guard import GuardError, load_functions
from tcaffe.runtime.manifest import Call, Manifest
from tcaffe.runtime.params import Parameters
from tcaffe.runtime.pool import WorkerPool

SERIAL = count(1)  # tells apart the sources that tracebacks show


class Kernels(Protocol):
    """The kernels of a net."""

    def context(self, params: Parameters) -> Context:
        """A new arena with the kernels bound to it."""


class NumpyKernels:
    """Functions of numpy code, whose work a pool of threads shares."""

    def __init__(self, manifest: Manifest, source: str, pool: WorkerPool | None = None) -> None:
        self._manifest, self._functions = manifest, _functions(manifest, source, self)
        self._pool = pool or WorkerPool(manifest.workers)

    def context(self, params: Parameters) -> Context:
        """A new arena with the kernels bound to it."""
        return Context(self._manifest, params, self._bind, self._pool.awake)

    def _bind(self, call: Call, views: Arrays, params: Parameters) -> Run:
        return self._functions[call.function](self._pool, *_arguments(call, views, params))


def _arguments(call: Call, views: Arrays, params: Parameters) -> list[np.ndarray]:
    """The arrays of one call, in the order every kernel takes them."""
    return [
        *(views[name] for name in call.inputs),
        *(params[name] for name in call.params),
        *(views[name] for name in (*call.outputs, *call.scratch)),
    ]


def _functions(manifest: Manifest, source: str, owner: object) -> dict[str, Callable[..., Callable[[], None]]]:
    """The kernels of `source`, which tracebacks show for as long as `owner` lives."""
    filename = f"<tcaffe {next(SERIAL)}>"
    try:
        functions = load_functions(source, filename)
    except GuardError as error:
        raise _refused(f"the source of {manifest.name!r} is not made of kernels only: {error}") from error
    _check_calls(manifest, functions)
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    weakref.finalize(owner, linecache.cache.pop, filename, None)
    return functions


def _check_calls(manifest: Manifest, functions: Mapping[str, Callable[..., Callable[[], None]]]) -> None:
    for call in manifest.calls:
        function = functions.get(call.function)
        arguments = 1 + len(call.params) + len(call.views)
        if function is None or function.__code__.co_argcount != arguments:
            raise _refused(f"the source of {manifest.name!r} has no {call.function} with {arguments} arguments")


def _refused(message: str) -> CompileError:
    return CompileError([Diagnostic("E0622", message)])
