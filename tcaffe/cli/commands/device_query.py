"""`tcaffe device-query`: what this machine has to run nets on."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import asdict

from tcaffe.cli import devices, screen, units
from tcaffe.cli.command import command, json_option
from tcaffe.cli.devices import Blas, Processor
from tcaffe.runtime.gpu.devices import GPU_FACTS, Gpu, Gpus, find_gpus


@command
@json_option
def device_query(as_json: bool) -> None:
    """Tell what this machine has to run nets on: processor, BLAS, GPUs, and the versions of what is installed.

    \b
    tcaffe device-query
    tcaffe device-query --json

    It belongs into every report of a problem.
    """
    processor, memory, blas, gpus = devices.processor(), devices.memory(), devices.blas(), find_gpus()
    versions = devices.versions()
    if as_json:
        screen.write_json({
            "system": platform.platform(), "processor": asdict(processor), "memory": memory,
            "blas": [asdict(each) for each in blas], "gpus": [asdict(gpu) for gpu in gpus.found],
            "versions": versions, "diagnostics": [],
        })  # fmt: skip
        return
    there = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    missing = ", ".join(name for name, number in versions.items() if not number)
    screen.show(screen.facts(
        *processor_facts(processor), *([("memory", units.bytes_(memory))] if memory else []), *blas_facts(blas),
        *gpu_facts(gpus), ("system", platform.platform()), ("installed", there),
        *([("not there", missing)] if missing else []),
    ))  # fmt: skip


def processor_facts(processor: Processor) -> Iterator[tuple[str, str]]:
    """The processor in words."""
    all_of_them = processor.usable == processor.cores
    usable = "" if all_of_them else f", {processor.usable} of them for this process"
    yield "processor", f"{processor.name}, {units.plural(processor.cores, 'core')}{usable}"
    if processor.features:
        yield "", ", ".join(processor.features)
    caches = [
        f"{cache.name} {units.bytes_(cache.nbytes)}{f' for {cache.shared_by} cores' if cache.shared_by > 1 else ''}"
        for cache in processor.caches
    ]
    if caches:
        yield "caches", ", ".join(caches)


def blas_facts(found: tuple[Blas, ...]) -> Iterator[tuple[str, str]]:
    """The libraries of matrix products in words."""
    for blas in found:
        architecture = f" for {blas.architecture}" if blas.architecture else ""
        yield "BLAS", f"{blas.name} {blas.version}{architecture}, {units.plural(blas.threads, 'thread')}"


def gpu_facts(gpus: Gpus) -> Iterator[tuple[str, str]]:
    """The GPUs in words."""
    for gpu in gpus.found:
        yield f"GPU {gpu.index}", _described(gpu)
        yield "", ", ".join(f"{number:,} {GPU_FACTS[name]}" for name, number in gpu.facts.items())
    if not gpus.found:
        yield "GPUs", f"none: {gpus.why_none}"


def _described(gpu: Gpu) -> str:
    cores = units.plural(gpu.multiprocessors, "multiprocessor")
    return f"{gpu.name}, {units.bytes_(gpu.memory)}, capability {gpu.capability}, {cores}"
