"""Modules: emitted Triton source as functions that can be launched."""

from __future__ import annotations

import linecache
import weakref
from itertools import count
from typing import Any

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.runtime.gpu.guard import check_kernels
from tcaffe.runtime.guard import GuardError
from tcaffe.runtime.manifest import Manifest

SERIAL = count(1)  # tells apart the sources that Triton reads and tracebacks show


def check_module(manifest: Manifest, source: str) -> None:
    """Raise CompileError (E0622) for a source that is not made of kernels only, or not of those that are launched."""
    try:
        functions = check_kernels(source)
    except GuardError as error:
        raise _refused(f"the source of {manifest.name!r} is not made of kernels only: {error}") from error
    for launch in (launch for call in manifest.calls for launch in call.launches):
        given = len(launch.pointers) + len(launch.constants)
        if len(functions.get(launch.function, ())) != given:
            raise _refused(f"the source of {manifest.name!r} has no {launch.function} with {given} arguments")


def load_module(source: str, owner: object) -> dict[str, Any]:
    """The functions of a checked source; Triton can read it for as long as `owner` lives."""
    import triton  # noqa: F401  (what the source imports has to be there)

    name = f"<tcaffe triton {next(SERIAL)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    weakref.finalize(owner, linecache.cache.pop, name, None)
    scope: dict[str, Any] = {"__name__": name}
    exec(compile(source, name, "exec", dont_inherit=True), scope)
    return scope


def _refused(message: str) -> CompileError:
    return CompileError([Diagnostic("E0622", message)])
