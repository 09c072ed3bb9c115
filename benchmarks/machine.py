"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np


def describe() -> dict[str, str | int]:
    """The machine in words: processor, cores, memory, system."""
    return {
        "processor": _line(Path("/proc/cpuinfo"), "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _line(Path("/proc/meminfo"), "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _line(file: Path, key: str) -> str:
    """The value after `key` in a file of `key: value` lines."""
    return next(line.split(":", 1)[1].strip() for line in file.read_text().splitlines() if line.startswith(key))
