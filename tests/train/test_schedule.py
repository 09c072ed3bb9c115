"""Learning rates: published values, and where the steps fall."""

from __future__ import annotations

import pytest

from tcaffe.schema import caffe_pb2
from tcaffe.train.schedule import Schedule


def rates(iterations, **fields):
    schedule = Schedule(caffe_pb2.SolverParameter(base_lr=1, **fields))
    return [schedule.rate(i) for i in iterations]


@pytest.mark.parametrize(
    ("fields", "iterations", "expected"),
    [
        ({"lr_policy": "fixed"}, [0, 9], [1, 1]),
        ({"lr_policy": "step", "gamma": 0.5, "stepsize": 3}, [0, 2, 3, 6], [1, 1, 0.5, 0.25]),
        ({"lr_policy": "exp", "gamma": 0.5}, [0, 1, 3], [1, 0.5, 0.125]),
        ({"lr_policy": "inv", "gamma": 1e-4, "power": 0.75}, [100, 500, 10000], [0.992565, 0.964069, 0.594604]),
        ({"lr_policy": "multistep", "gamma": 0.1, "stepvalue": [2, 3]}, range(5), [1, 1, 0.1, 0.01, 0.01]),
        ({"lr_policy": "multistep", "gamma": 0.1, "stepvalue": [1, 1]}, range(3), [1, 0.1, 0.01]),
        ({"lr_policy": "poly", "power": 2, "max_iter": 10}, [0, 5, 10, 12], [1, 0.25, 0, 0]),
        ({"lr_policy": "sigmoid", "gamma": -1, "stepsize": 2}, [2, 2000], [0.5, 0]),
    ],
)
def test_rates(fields, iterations, expected):
    assert rates(iterations, **fields) == pytest.approx(expected, rel=1e-5)
