"""Weights: parameter files of every age, read without copies and matched to a net by layer name."""

from tcaffe.frontend.weights.atomic import write_whole
from tcaffe.frontend.weights.blob import StoredBlob, StoredLayer
from tcaffe.frontend.weights.mapped import OneByOne
from tcaffe.frontend.weights.match import Matched, Target, match_weights
from tcaffe.frontend.weights.read import read_binary_net, read_blob, read_weights
from tcaffe.frontend.weights.write import write_blob, write_caffemodel, write_hdf5

__all__ = [
    "Matched",
    "OneByOne",
    "StoredBlob",
    "StoredLayer",
    "Target",
    "match_weights",
    "read_binary_net",
    "read_blob",
    "read_weights",
    "write_blob",
    "write_caffemodel",
    "write_hdf5",
    "write_whole",
]
