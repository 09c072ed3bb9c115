"""The face of pycaffe: `import tcaffe as caffe`, and scripts written for the original run."""

from tcaffe.frontend.layers import LAYERS
from tcaffe.pycaffe.blob import Blob
from tcaffe.pycaffe.layer import Layer
from tcaffe.pycaffe.log import init_log, log
from tcaffe.pycaffe.net import Net
from tcaffe.pycaffe.settings import (
    TEST,
    TRAIN,
    has_nccl,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from tcaffe.pycaffe.timer import Timer

__all__ = [
    "TEST",
    "TRAIN",
    "Blob",
    "Layer",
    "Net",
    "Timer",
    "has_nccl",
    "init_log",
    "layer_type_list",
    "log",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
]


def layer_type_list() -> list[str]:
    """The types of layers a net can be made of, in alphabetical order."""
    return sorted(LAYERS)
