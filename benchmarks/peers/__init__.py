"""The engines that are compared, a module each, with two functions: `version()` and `load(case, variant)`.

Training is a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Engine(NamedTuple):
    """A loaded net: `variant` says how it was built.

    `run` takes the input array and returns `prob` [batch, 1000]; in training, the gradient of the first filters.
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
ENGINES = PEERS | {"sgemm": "benchmarks.peers.sgemm_engine"}
