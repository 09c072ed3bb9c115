"""ONNX Runtime on its CPU provider, all graph optimisations on."""

from __future__ import annotations

import numpy as np
import onnxruntime

from benchmarks.case import Case
from benchmarks.peers import Engine


def version() -> str:
    """The installed release."""
    return str(onnxruntime.__version__)


def load(case: Case, variant: str) -> Engine:
    """A session of the ONNX file, which fuses and lays out at load."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(case.onnx), options, providers=["CPUExecutionProvider"])

    def run(data: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {"data": data})[0]).reshape(case.batch, -1)

    return Engine(run)
