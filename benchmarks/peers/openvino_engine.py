"""OpenVINO's CPU plugin in float32, tuned for latency."""

from __future__ import annotations

import numpy as np
import openvino

from benchmarks.case import Case
from benchmarks.peers import Engine


def version() -> str:
    """The installed release."""
    return str(openvino.__version__)


def load(case: Case, variant: str) -> Engine:
    """The ONNX file, compiled for the CPU; one request at a time."""
    settings = {
        "INFERENCE_NUM_THREADS": case.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = openvino.compile_model(str(case.onnx), "CPU", settings).create_infer_request()

    def run(data: np.ndarray) -> np.ndarray:
        return np.asarray(next(iter(request.infer([data], share_inputs=True).values()))).reshape(case.batch, -1)

    return Engine(run)
