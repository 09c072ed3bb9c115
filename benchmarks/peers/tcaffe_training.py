"""tcaffe: forward and backward, compiled for this batch size."""

from __future__ import annotations

import numpy as np

import tcaffe
from benchmarks.case import Case
from benchmarks.peers import Engine
from benchmarks.peers.tcaffe_engine import version

__all__ = ["load", "version"]


def load(case: Case, variant: str) -> Engine:
    """The gradients of all parameters, as `tcaffe.compile` makes them, with a worker a thread."""
    exe = tcaffe.compile(case.prototxt, case.caffemodel, phase="TRAIN", gradients=True, workers=case.threads)
    context, labels = exe.context(), case.labels()
    first = next(name for name in context.outputs if name.startswith("d."))

    def run(data: np.ndarray) -> np.ndarray:
        np.copyto(context.inputs["data"], data)
        np.copyto(context.inputs["label"], labels)
        context.run()
        return context.outputs[first]

    return Engine(run)
