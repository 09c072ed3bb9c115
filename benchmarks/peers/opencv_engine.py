"""OpenCV's dnn module, which reads Caffe's files itself."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.case import Case
from benchmarks.peers import Engine


def version() -> str:
    """The installed release."""
    return str(cv2.__version__)


def load(case: Case, variant: str) -> Engine:
    """The net on OpenCV's own CPU back end, with its fusion on (the default)."""
    cv2.setNumThreads(case.threads)
    net = cv2.dnn.readNetFromCaffe(str(case.prototxt), str(case.caffemodel))

    def run(data: np.ndarray) -> np.ndarray:
        net.setInput(data)
        return np.asarray(net.forward()).reshape(case.batch, -1)

    return Engine(run)
