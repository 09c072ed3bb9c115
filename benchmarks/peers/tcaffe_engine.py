"""tcaffe: prototxt and caffemodel, compiled for this batch size."""

from __future__ import annotations

from importlib.metadata import version as installed

import numpy as np

import tcaffe
from benchmarks.case import Case
from benchmarks.peers import Engine


def version() -> str:
    """The installed release."""
    return installed("tcaffe")


def load(case: Case, variant: str) -> Engine:
    """The net as `tcaffe.compile` makes it, with a worker a thread."""
    exe = tcaffe.compile(case.prototxt, case.caffemodel, workers=case.threads)

    def run(data: np.ndarray) -> np.ndarray:
        return exe(data=data)["prob"].reshape(case.batch, -1)

    return Engine(run)
