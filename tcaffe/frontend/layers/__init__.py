"""Caffe's layers, one short function each."""

from tcaffe.frontend.layers import (
    accuracy,
    activation,
    arithmetic,
    convolution,
    custom,
    data,
    dynamic,
    likelihood,
    loss,
    normalisation,
    pooling,
    random,
    recurrent,
    shape,
)
from tcaffe.frontend.layers.known import CAFFE_TYPES, FORK_OF_TYPE
from tcaffe.frontend.layers.registry import LAYERS, LayerType, layer
from tcaffe.frontend.layers.view import LayerView

CHECKED_TYPES = CAFFE_TYPES | frozenset(LAYERS)
"""The layer types whose fields are all known: Caffe's, and those of its forks that are in this catalogue."""

__all__ = [
    "CAFFE_TYPES",
    "CHECKED_TYPES",
    "FORK_OF_TYPE",
    "LAYERS",
    "LayerType",
    "LayerView",
    "accuracy",
    "activation",
    "arithmetic",
    "convolution",
    "custom",
    "data",
    "dynamic",
    "layer",
    "likelihood",
    "loss",
    "normalisation",
    "pooling",
    "random",
    "recurrent",
    "shape",
]
