"""Ahead of time: kernels compiled for an architecture, with or without a GPU of it, by several processes at once."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.ir.program import Launch
from tcaffe.runtime.gpu.binary import Binary, Job, cache_folder, read_binary
from tcaffe.runtime.gpu.canonical import canonical
from tcaffe.runtime.manifest import Manifest

POINTERS = {
    "float32": "*fp32", "float64": "*fp64", "float16": "*fp16", "bfloat16": "*bf16", "int32": "*i32", "int64": "*i64",
    "uint8": "*u8", "bool": "*i1",
}  # fmt: skip
SHARED = {"sm_80": 166912, "sm_86": 101376, "sm_89": 101376, "sm_90": 232448, "sm_100": 232448, "sm_120": 101376}
"""Bytes of shared memory that a program may have."""


def compile_ahead(
    manifest: Manifest,
    source: str,
    architecture: str,
    jobs: int | None = None,
    done: Callable[[int, int], None] = lambda ready, count: None,
) -> list[Binary]:
    """A binary for every launch, in the order of calls. What was compiled before is not compiled again.

    `jobs` processes compile (one a core if None); `done` is told how many of how many are ready. Raises CompileError
    (E0629) that names every kernel that cannot be compiled or takes more shared memory than there is.
    """
    wanted = jobs_of(manifest, source, architecture)
    folder, keys = cache_folder(), [job.key for job in wanted]
    found = {key: read_binary(folder, key) for key in dict.fromkeys(keys)}
    missing = {job.key: job for job in wanted if found[job.key] is None}
    errors = _compiled(list(missing.values()), folder, jobs or os.cpu_count() or 1, done)
    found |= {key: read_binary(folder, key) for key in missing}
    problems = []
    for (name, launch), key in zip(_launches(manifest), keys, strict=True):
        if (why := errors.get(key) or _too_large(found[key], architecture)) is not None:
            message = f"kernel `{name}` cannot be compiled for {architecture} ({launch.function}): {why}"
            problems.append(Diagnostic("E0629", message))
    if problems:
        raise CompileError(problems)
    return [binary for key in keys if (binary := found[key]) is not None]


def jobs_of(manifest: Manifest, source: str, architecture: str) -> list[Job]:
    """What there is to compile for each launch."""
    compiler = _triton_version()
    sources = canonical(source)
    types = {v.name: POINTERS[v.dtype] for v in manifest.views} | {p.name: POINTERS[p.dtype] for p in manifest.params}
    starts = {v.name: v.offset for v in manifest.views}
    return [
        Job(
            sources[launch.function],
            tuple(types[name] for name in launch.pointers),
            tuple(starts.get(name, 0) % 16 == 0 for name in launch.pointers),
            dict(launch.constants), launch.warps, launch.stages, architecture, compiler,
        )
        for _, launch in _launches(manifest)
    ]  # fmt: skip


def _launches(manifest: Manifest) -> list[tuple[str, Launch]]:
    """Every launch, with the function of its kernel."""
    return [(call.function, launch) for call in manifest.calls for launch in call.launches]


def _too_large(binary: Binary | None, architecture: str) -> str | None:
    """Why a binary cannot run, if it cannot."""
    most = SHARED.get(architecture)
    if binary is None:
        return "its file vanished"
    if most is not None and binary.facts.shared > most:
        return f"it takes {binary.facts.shared} bytes of shared memory, of which there are {most}"
    return None


def _compiled(jobs: Sequence[Job], folder: Path, count: int, done: Callable[[int, int], None]) -> dict[str, str]:
    """Let workers compile; what went wrong, by the job's key."""
    todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in sorted(jobs, key=lambda job: -len(job.source)):  # long ones first
        todo.put(job)
    errors: dict[str, str] = {}
    ready = iter(range(1, len(jobs) + 1))

    def work() -> None:
        with _worker(folder) as process, suppress(queue.Empty):
            while True:
                job = todo.get_nowait()
                if (why := _asked(process, job)) is not None:
                    errors[job.key] = why
                done(next(ready), len(jobs))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(count, len(jobs)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def _worker(folder: Path) -> subprocess.Popen[str]:
    """A process that compiles, and does not interpret."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(folder / "triton")
    command = [sys.executable, "-m", "tcaffe.runtime.gpu.worker", str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, text=True, **pipes)  # type: ignore[call-overload]


def _asked(process: subprocess.Popen[str], job: Job) -> str | None:
    """Why a job failed, or None."""
    assert process.stdin is not None and process.stdout is not None
    try:
        print(json.dumps(asdict(job)), file=process.stdin, flush=True)
        answer = process.stdout.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        return "the compiler crashed"
    error: str | None = json.loads(answer).get("error")
    return error


def _triton_version() -> str:
    """The version of the compiler; raises CompileError (E0629) where there is none."""
    try:
        return version("triton")
    except PackageNotFoundError as error:
        message = "kernels are compiled by triton, which is not installed"
        raise CompileError([Diagnostic("E0629", message, suggestion="pip install 'tcaffe[gpu]'")]) from error
