"""`tcaffe device-query`: what there is to compute with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from tcaffe.cli import screen, units
from tcaffe.cli.command import command, json_option

LIBRARIES = ("tcaffe", "numpy", "protobuf", "lmdb", "plyvel", "h5py", "pillow", "torch", "triton")
FIELDS = ("index", "name", "memory.total", "compute_cap", "driver_version")


@command
@json_option
def device_query(as_json: bool) -> None:
    """Show the processor, its caches and matrix library, the GPUs, and the versions of what tcaffe uses.

    \b
    tcaffe device-query
    tcaffe device-query --json

    A report of a problem should have it.
    """
    found = described()
    if as_json:
        screen.write_json(found)
        return
    cpu = found["cpu"]
    caches = ", ".join(f"L{cache['level']} {units.bytes_(cache['bytes'])}" for cache in cpu["caches"])
    blas = ", ".join(f"{b['library']} {b['version']}, {units.plural(b['threads'], 'thread')}" for b in cpu["blas"])
    memory = units.bytes_(found["memory"]) if found["memory"] else "unknown"
    lines = [
        ("system", found["system"]), ("python", found["python"]), ("processor", cpu["name"]),
        ("cores", f"{cpu['cores']}, of which this process may use {cpu['usable']}"), ("caches", caches or "unknown"),
        ("matrix library", blas or "unknown"), ("memory", memory),
    ]  # fmt: skip
    lines += [(f"gpu {gpu['index']}", gpu_text(gpu)) for gpu in found["gpus"]] or [("gpus", "none that can be seen")]
    lines += [("versions", ", ".join(f"{name} {number}" for name, number in found["versions"].items()))]
    screen.show(screen.facts(*lines))


def described() -> dict[str, Any]:
    """All of it as plain values; sizes are bytes."""
    return {
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "cpu": {
            "name": _processor(),
            "cores": os.cpu_count() or 1,
            "usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            "caches": _caches(),
            "blas": _blas(),
        },
        "memory": _memory(),
        "gpus": _gpus(),
        "versions": {name: number for name in LIBRARIES if (number := _version(name))},
    }


def gpu_text(gpu: dict[str, str]) -> str:
    """A GPU in a line."""
    return f"{gpu['name']}, {gpu['memory.total']}, compute {gpu['compute_cap']}, driver {gpu['driver_version']}"


def _processor() -> str:
    lines = _text(Path("/proc/cpuinfo")).splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _caches() -> list[dict[str, int]]:
    """Data caches of the first core, from the smallest."""
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        size = _text(folder / "size").strip()
        if _text(folder / "type").strip() != "Instruction" and size:
            found.append({"level": int(_text(folder / "level")), "bytes": units.parse_bytes(size)})
    return found


def _blas() -> list[dict[str, Any]]:
    """The libraries that numpy multiplies with, loaded by a first product."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return [
        {"library": found["internal_api"], "version": found.get("version") or "", "threads": found["num_threads"]}
        for found in threadpool_info()
        if found["user_api"] == "blas"
    ]


def _memory() -> int:
    """Bytes of memory of the machine, 0 where it is not known."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _gpus() -> list[dict[str, str]]:
    """The GPUs that NVIDIA's driver knows, asked by its own tool."""
    query = ["nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader"]
    try:
        lines = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return []
    return [dict(zip(FIELDS, (part.strip() for part in line.split(",")), strict=False)) for line in lines if line]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


