"""The engines that are compared, a module each, with two functions: `version()` and `load(case, variant)`.

Gradients are modules of their own, and so are whole steps of a solver.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.case import Work


class Engine(NamedTuple):
    """A loaded net: `variant` says how it was built.

    `run` takes the input array and returns `prob` [batch, 1000]; of gradients and of steps, what belongs to the first
    filters.
    """

    run: Callable[[np.ndarray], np.ndarray]
    variant: str = ""


PEERS = {
    "tcaffe": "benchmarks.peers.tcaffe_engine",
    "onnxruntime": "benchmarks.peers.onnxruntime_engine",
    "openvino": "benchmarks.peers.openvino_engine",
    "opencv": "benchmarks.peers.opencv_engine",
    "torch": "benchmarks.peers.torch_engine",
}
TRAINERS = {
    "tcaffe": "benchmarks.peers.tcaffe_training",
    "torch": "benchmarks.peers.torch_training",
}
STEPPERS = {
    "tcaffe": "benchmarks.peers.tcaffe_steps",
    "torch": "benchmarks.peers.torch_steps",
}
ENGINES_OF: dict[Work, dict[str, str]] = {"forward": PEERS, "gradients": TRAINERS, "step": STEPPERS}
ENGINES = PEERS | {"sgemm": "benchmarks.peers.sgemm_engine"}
