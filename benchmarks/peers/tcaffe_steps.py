"""tcaffe: whole steps, as `tcaffe train` takes them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.case import Case
from benchmarks.peers import Engine
from benchmarks.peers.tcaffe_engine import version
from tcaffe.data.feed import Arrays, Shape
from tcaffe.data.seeds import Seeds
from tcaffe.frontend.load import read_state
from tcaffe.ir.target import cpu
from tcaffe.schema import caffe_pb2
from tcaffe.train.engine import StepEngine

__all__ = ["MOMENTUM", "RATE", "WEIGHT_DECAY", "load", "version"]

RATE, MOMENTUM, WEIGHT_DECAY = 1e-5, 0.9, 5e-4  # so low a rate that many steps leave the net as it is


class Fixed:
    """A feed of the arrays it is given."""

    tops: tuple[str, ...] = ("data", "label")
    shapes: Mapping[str, Shape] = {}

    def __init__(self, labels: np.ndarray) -> None:
        self.arrays: Arrays = {"label": labels}
        self.position, self.seeds = 0, Seeds(lambda: np.random.default_rng(0))

    def batch(self, tops: Mapping[str, Shape]) -> Arrays:
        """The arrays."""
        return self.arrays

    def close(self) -> None:
        """Nothing is open."""


def load(case: Case, variant: str) -> Engine:
    """A step of SGD with momentum and weight decay; gives the first filters' change."""
    feed = Fixed(case.labels())
    settings = caffe_pb2.SolverParameter(type="SGD", momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    net = read_state(case.prototxt, phase="TRAIN")
    engine = StepEngine(net, [feed], settings, [case.caffemodel], target=cpu(case.threads))
    filters = engine.values[engine.net.lowered.parameters[0].node.name]

    def run(data: np.ndarray) -> np.ndarray:
        before = filters.copy()
        feed.arrays = {**feed.arrays, "data": data}
        engine.iterate(RATE)
        change: np.ndarray = filters - before
        return change / RATE

    return Engine(run)
