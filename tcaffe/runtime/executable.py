"""Executables: compiled nets, ready to run."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tcaffe.diagnostics import suggest
from tcaffe.ir.program import MemoryPlan, Program
from tcaffe.runtime import bundle
from tcaffe.runtime.context import Context
from tcaffe.runtime.gpu.kernels import TritonKernels
from tcaffe.runtime.kernels import Kernels, NumpyKernels
from tcaffe.runtime.manifest import Manifest
from tcaffe.runtime.params import Parameters


class Executable:
    """A compiled net. Any number of threads may call it: they share its parameters, each call has its own arena.

    `source` is the emitted module, `params` what it reads, `program` what it was emitted from (None when it comes
    from a bundle).
    """

    def __init__(
        self,
        manifest: Manifest,
        source: str,
        params: Mapping[str, np.ndarray],
        *,
        program: Program | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self.manifest = manifest
        self.source = source
        self.params = params if isinstance(params, Parameters) else Parameters(params)
        self.program = program
        self._texts = texts or {}
        kind = NumpyKernels if manifest.target == "cpu" else TritonKernels
        self._kernels: Kernels = kind(manifest, source)
        self._idle: deque[Context] = deque()

    @property
    def plan(self) -> MemoryPlan:
        """The arena: its size, its lower bound, the certificate, and every buffer's place and lifetime."""
        return self.manifest.plan

    def __call__(self, /, **inputs: ArrayLike) -> dict[str, np.ndarray]:
        """The outputs by name, as new row-major arrays, for one array for each input.

        Raises TypeError for a missing, an unknown or an unsuitable input and ValueError for one of another shape.
        """
        with self._borrowed() as context:
            _feed(context, inputs, self.manifest.unused)
            context.run()
            return {name: np.array(value, order="C") for name, value in context.outputs.items()}

    def context(self) -> Context:
        """A new arena with the kernels bound to it, for callers who fill inputs and read outputs in place."""
        return self._kernels.context(self.params)

    @property
    def dumps(self) -> tuple[str, ...]:
        """The names that `dump` takes, in the order of the passes; none for a loaded bundle."""
        return tuple(self._texts)

    def dump(self, name: str) -> str:
        """The text of the net after the pass called `name`; raises KeyError where there is none."""
        if name not in self._texts:
            raise KeyError(f"no text after {name!r}; there is one after {', '.join(self._texts) or 'no pass'}")
        return self._texts[name]

    def save(self, folder: str | Path) -> None:
        """Write a bundle that `load` reads back with numpy alone; raises CompileError (E0624) over anything else."""
        bundle.write(folder, self.manifest, self.source, self.params)

    @contextmanager
    def _borrowed(self) -> Iterator[Context]:
        """An idle context, or a new one; it is idle again afterwards."""
        try:
            context = self._idle.pop()
        except IndexError:
            context = self.context()
        try:
            yield context
        finally:
            self._idle.append(context)


def load(folder: str | Path) -> Executable:
    """The executable that was saved to `folder`; raises CompileError for a bundle that is broken or not harmless.

    It has as many workers as it was compiled for, or one for each core where there are fewer.
    """
    manifest, source, params = bundle.read(folder)
    workers = min(manifest.workers, os.cpu_count() or 1)
    return Executable(replace(manifest, workers=workers), source, params)


def _feed(context: Context, given: Mapping[str, ArrayLike], unused: Sequence[str]) -> None:
    """Copy every input to its place."""
    wanted = context.inputs
    for name in given.keys() - wanted.keys() - set(unused):
        hint = suggest(name, wanted) or f"the inputs are {', '.join(wanted)}"
        raise TypeError(f"there is no input {name!r}; {hint}")
    for name, place in wanted.items():
        if name not in given:
            raise TypeError(f"input {name!r} is missing: {place.dtype} {list(place.shape)}")
        _fill(name, place, np.asarray(given[name]))


def _fill(name: str, place: np.ndarray, value: np.ndarray) -> None:
    if value.shape != place.shape:
        raise ValueError(f"input {name!r} is {list(place.shape)}, it was given an array of {list(value.shape)}")
    if not np.can_cast(value.dtype, place.dtype, "same_kind"):
        raise TypeError(f"input {name!r} is {place.dtype}, it was given {value.dtype}")
    np.copyto(place, value, casting="same_kind")
