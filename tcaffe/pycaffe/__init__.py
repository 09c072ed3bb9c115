"""The face of pycaffe: `import tcaffe as caffe`, and scripts written for the original run."""

from tcaffe.frontend.layers import LAYERS
from tcaffe.pycaffe.blob import Blob
from tcaffe.pycaffe.layer import Layer
from tcaffe.pycaffe.net import Net
from tcaffe.pycaffe.settings import TEST, TRAIN, set_mode_cpu, set_mode_gpu, set_random_seed

__all__ = [
    "TEST",
    "TRAIN",
    "Blob",
    "Layer",
    "Net",
    "layer_type_list",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
]


def layer_type_list() -> list[str]:
    """The types of layers a net can be made of, in alphabetical order."""
    return sorted(LAYERS)
