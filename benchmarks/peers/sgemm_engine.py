"""Not an engine but its limit: numpy's float32 matrix product, [1536, 1536] squared."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.case import Case
from benchmarks.peers import Engine

SIZE = 1536
GFLOP = 2 * SIZE**3 / 1e9


def version() -> str:
    """The installed release."""
    return np.__version__


def load(case: Case, variant: str) -> Engine:
    """One product a run, whatever the case."""
    threadpool_limits(case.threads)
    a, b = (np.random.default_rng(seed).standard_normal((SIZE, SIZE), np.float32) for seed in (1, 2))
    out = np.empty_like(a)
    return Engine(lambda data: np.matmul(a, b, out=out))
