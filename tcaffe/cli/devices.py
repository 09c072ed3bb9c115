"""What this machine has to run nets on: processor, caches, memory, BLAS, and which packages are installed."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import numpy as np
import threadpoolctl

from tcaffe.compiler import default_workers

SYSTEM = Path("/")
FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "asimdhp", "sve")
"""What of a processor's abilities matters to products of matrices, as Linux calls them."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache of the first core: `L1 data`, its bytes, and how many logical cores share it."""

    name: str
    nbytes: int
    shared_by: int


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor: logical cores, how many of them may be used, and abilities; what is not known is empty."""

    name: str
    cores: int
    usable: int
    features: tuple[str, ...]
    caches: tuple[Cache, ...]


@dataclass(frozen=True, slots=True)
class Blas:
    """A library of matrix products that numpy has loaded, the processor it believes to run on, and its threads."""

    name: str
    version: str
    architecture: str
    threads: int


def processor(system: Path = SYSTEM) -> Processor:
    """What Linux, below the folder `system`, or else Python tells of the processor."""
    told = dict(_fields(system / "proc/cpuinfo"))
    flags = (told.get("flags") or told.get("Features") or "").split()
    name = told.get("model name") or platform.processor() or platform.machine()
    abilities = tuple(feature for feature in FEATURES if feature in flags)
    return Processor(name, os.cpu_count() or 1, default_workers(), abilities, tuple(_caches(system)))


def memory(system: Path = SYSTEM) -> int | None:
    """Bytes of memory that this process may use at most; None where nobody tells."""
    total = dict(_fields(system / "proc/meminfo")).get("MemTotal", "")
    found = [int(total.split()[0]) * 1024] if re.fullmatch(r"\d{1,15} kB", total) else []
    limit = _text(system / "sys/fs/cgroup/memory.max")  # of a container
    return min([*found, *([int(limit)] if re.fullmatch(r"\d{1,19}", limit) else [])], default=None)


def blas() -> tuple[Blas, ...]:
    """The libraries numpy multiplies matrices with."""
    np.ones((2, 2)) @ np.ones((2, 2))  # some libraries are loaded when they are first called
    return tuple(
        Blas(info["internal_api"], str(info.get("version")), str(info.get("architecture", "")), info["num_threads"])
        for info in threadpoolctl.threadpool_info()
        if info["user_api"] == "blas"
    )


def versions() -> dict[str, str | None]:
    """The versions of Python, of tcaffe and of all it can make use of; None for what is not installed."""
    names = dict.fromkeys(_names(requires("tcaffe") or ())) if _version("tcaffe") else {"numpy": None}
    return {"python": platform.python_version(), "tcaffe": _version("tcaffe"), **{n: _version(n) for n in names}}


def _caches(system: Path) -> Iterator[Cache]:
    for folder in sorted((system / "sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size, shared = (_text(folder / name) for name in ("level", "type", "size", "shared_cpu_list"))
        if kind in ("Data", "Unified") and re.fullmatch(r"\d{1,12}K", size):
            name = f"L{level}{' data' if kind == 'Data' else ''}"
            yield Cache(name, int(size[:-1]) * 1024, _count(shared))


def _count(cores: str) -> int:
    """How many a list such as `0-3,8` names."""
    spans = re.findall(r"(\d{1,6})(?:-(\d{1,6}))?", cores)
    return sum(int(last or first) - int(first) + 1 for first, last in spans) or 1


def _fields(file: Path) -> Iterator[tuple[str, str]]:
    """The pairs of a file of `key: value` lines."""
    for line in _text(file).splitlines():
        key, _, value = line.partition(":")
        yield key.strip(), value.strip()


def _text(file: Path) -> str:
    """What is in a file, if it can be read."""
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _names(requirements: Iterable[str]) -> Iterator[str]:
    """The packages that requirements such as `pillow>=11; extra == "images"` are of."""
    for requirement in requirements:
        if found := re.match(r"[A-Za-z0-9._-]+", requirement):
            yield found[0]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
