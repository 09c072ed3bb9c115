"""What the figures were measured on, and the most its cores can do."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

SIZE = 1536


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


def sgemm_gflops(threads: int) -> float:
    """GFLOP/s of numpy's matrix product in float32, [1536, 1536] squared, the best of thirty."""
    a, b = (np.random.default_rng(seed).standard_normal((SIZE, SIZE), np.float32) for seed in (1, 2))
    out = np.empty_like(a)
    times = []
    with threadpool_limits(threads):
        for _ in range(30):
            start = time.perf_counter()
            np.matmul(a, b, out=out)
            times.append(time.perf_counter() - start)
    return 2 * SIZE**3 / min(times) / 1e9
