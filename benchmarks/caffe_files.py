"""A description as Caffe's two files: prototxt text, and a .caffemodel with the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from benchmarks.describe import Layer, Net

Weights = dict[str, list[np.ndarray]]


def prototxt(net: Net, batch: int, train: bool = False) -> str:
    """The net as text, its input `data` of shape [batch, 3, height, width].

    To `train` it has one more, `label`, and ends with the blob `loss`.
    """
    _, channels, height, width = net.input
    inputs = [_input("data", batch, channels, height, width), *([_input("label", batch)] if train else [])]
    lines = (line for layer in net.layers for line in _layers(layer, train))
    return "\n".join([f'name: "{net.name}"', *inputs, *lines, ""])


def _input(name: str, *shape: int) -> str:
    dims = " ".join(f"dim: {n}" for n in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}'


def _layers(layer: Layer, train: bool) -> Iterator[str]:
    o = layer.options
    match layer.kind:
        case "softmax" if train:
            bottom = layer.bottoms[0]
            yield (f'layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{bottom}" bottom: "label" top: "loss" }}')
        case "conv":
            bias = "" if len(layer.weights) == 2 else " bias_term: false"
            sizes = f"num_output: {layer.weights[0][0]} {_window(o)} group: {o['group']}{bias}"
            yield _layer(layer, "Convolution", f"convolution_param {{ {sizes} }}")
        case "dense":
            yield _layer(layer, "InnerProduct", f"inner_product_param {{ num_output: {layer.weights[0][0]} }}")
        case "relu":
            yield _layer(layer, "ReLU")
        case "batch_norm":
            yield _layer(layer, "BatchNorm", f"batch_norm_param {{ use_global_stats: {'false' if train else 'true'} }}")
            yield _layer(layer, "Scale", "scale_param { bias_term: true }", name=_scale(layer))
        case "max":
            yield _layer(layer, "Pooling", f"pooling_param {{ pool: MAX {_window(o)} }}")
        case "average":
            yield _layer(layer, "Pooling", f"pooling_param {{ pool: AVE {_window(o)} }}")
        case "mean":
            yield _layer(layer, "Pooling", "pooling_param { pool: AVE global_pooling: true }")
        case "lrn":
            sizes = f"local_size: {o['size']} alpha: {o['alpha']} beta: {o['beta']}"
            yield _layer(layer, "LRN", f"lrn_param {{ {sizes} }}")
        case "sum" | "concat" | "softmax":
            yield _layer(layer, {"sum": "Eltwise", "concat": "Concat", "softmax": "Softmax"}[layer.kind])


def _layer(layer: Layer, kind: str, params: str = "", name: str = "") -> str:
    bottoms = " ".join(f'bottom: "{bottom}"' for bottom in layer.bottoms)
    return f'layer {{ name: "{name or layer.name}" type: "{kind}" {bottoms} top: "{layer.top}" {params} }}'


def _window(options: dict[str, Any]) -> str:
    return f"kernel_size: {options['kernel']} stride: {options['stride']} pad: {options['pad']}"


def _scale(layer: Layer) -> str:
    return f"{layer.name}/scale"


def write_caffemodel(net: Net, weights: Weights, path: Path) -> None:
    """The weights as a binary NetParameter, straight from the arrays.

    Written by hand because a protobuf message would hold VGG-16's 138 million floats several times over.
    """
    with path.open("wb") as file:
        file.write(_field(1, net.name.encode()))
        for layer in net.layers:
            for name, kind, arrays in _blobs(layer, weights.get(layer.name, [])):
                _write_layer(file, name, kind, arrays)


def _blobs(layer: Layer, arrays: list[np.ndarray]) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    match layer.kind:
        case "conv" | "dense":
            yield layer.name, {"conv": "Convolution", "dense": "InnerProduct"}[layer.kind], arrays
        case "batch_norm":
            mean, variance, scale, shift = arrays
            yield layer.name, "BatchNorm", [mean, variance, np.ones(1, np.float32)]
            yield _scale(layer), "Scale", [scale, shift]


def _write_layer(file: BinaryIO, name: str, kind: str, arrays: Sequence[np.ndarray]) -> None:
    """LayerParameter: name = 1, type = 2, blobs = 7; it is field 100 of the net."""
    head = _field(1, name.encode()) + _field(2, kind.encode())
    blobs = [(_blob_head(array), array) for array in arrays]
    length = len(head) + sum(len(_prefix(7, len(h) + a.nbytes)) + len(h) + a.nbytes for h, a in blobs)
    file.write(_prefix(100, length) + head)
    for h, array in blobs:
        file.write(_prefix(7, len(h) + array.nbytes) + h)
        file.write(np.ascontiguousarray(array, "<f4").data)


def _blob_head(array: np.ndarray) -> bytes:
    """BlobProto up to its numbers: shape = 7 with packed dim = 1, packed floats data = 5."""
    shape = _field(7, _field(1, b"".join(_varint(n) for n in array.shape)))
    return shape + _prefix(5, array.nbytes)


def _field(number: int, content: bytes) -> bytes:
    return _prefix(number, len(content)) + content


def _prefix(number: int, length: int) -> bytes:
    """Tag and length of a length-delimited field."""
    return _varint(number << 3 | 2) + _varint(length)


def _varint(value: int) -> bytes:
    """Base 128, least significant group first."""
    groups = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])
