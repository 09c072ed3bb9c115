"""Kernels of a GPU target."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.runtime.context import Arrays, Context, Run
from tcaffe.runtime.gpu.devices import interpreted
from tcaffe.runtime.gpu.interpreter import bind, prepare
from tcaffe.runtime.gpu.module import check_module, load_module
from tcaffe.runtime.manifest import Call, Manifest
from tcaffe.runtime.params import Parameters


class TritonKernels:
    """Functions of Triton code. What they need of Triton is loaded when they are first bound."""

    def __init__(self, manifest: Manifest, source: str) -> None:
        check_module(manifest, source)
        self.manifest, self.source = manifest, source
        self._functions: dict[str, Any] = {}

    def context(self, params: Parameters) -> Context:
        """A new arena with the kernels bound to it; raises CompileError (E0630) where they are not interpreted."""
        if not interpreted():
            message = f"{self.manifest.name!r} is compiled for {self.manifest.target}: kernels do not run on GPUs yet"
            hint = "set TRITON_INTERPRET=1, and they run in Triton's interpreter; or compile for cpu"
            raise CompileError([Diagnostic("E0630", message, suggestion=hint)])
        prepare()
        return Context(self.manifest, params, self._interpreted, nullcontext)

    def _interpreted(self, call: Call, views: Arrays, params: Parameters) -> Run:
        """What starts the launches of a call in the interpreter."""
        self._functions = self._functions or load_module(self.source, self)
        arrays = {**views, **{name: params.writable(name) for name in call.params}}
        launches = [bind(self._functions, launch, arrays) for launch in call.launches]
        return partial(_run_all, launches)


def _run_all(launches: list[Any]) -> None:
    for launch in launches:
        launch.run()
