"""A description as an ONNX file, as an exporter leaves it: nothing folded, nothing fused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.caffe_files import Weights
from benchmarks.describe import Layer, Net

OPSET = 13
EPSILON = 1e-5  # Caffe's default


def write_onnx(net: Net, weights: Weights, batch: int, path: Path) -> None:
    """Write the net with its weights; its input is `data` [batch, 3, height, width], its output `prob`."""
    writer = _Writer()
    for layer in net.layers:
        writer.layer(layer, weights.get(layer.name, []))
    shape = [batch, net.input.channels, net.input.height, net.input.width]
    data = helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)
    prob = helper.make_tensor_value_info(writer.value["prob"], TensorProto.FLOAT, None)
    graph = helper.make_graph(writer.nodes, net.name, [data], [prob], writer.tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8), str(path))


class _Writer:
    """The nodes so far; `value` names the newest value of each blob, as in-place layers write a blob again."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.value = {"data": "data"}

    def layer(self, layer: Layer, arrays: list[np.ndarray]) -> None:
        """Append what computes `layer`."""
        names = [f"{layer.name}.{k}" for k in range(len(arrays))]
        self.tensors += [numpy_helper.from_array(a, n) for a, n in zip(arrays, names, strict=True)]
        inputs = [self.value[bottom] for bottom in layer.bottoms]
        o = layer.options
        match layer.kind:
            case "conv":
                self.window("Conv", layer, inputs + names, group=o["group"])
            case "dense":
                self.node("Flatten", layer, inputs, suffix=".flat", axis=1)
                self.node("Gemm", layer, [f"{layer.name}.flat", *names], transB=1)
            case "batch_norm":
                mean, variance, scale, shift = names
                self.node("BatchNormalization", layer, [*inputs, scale, shift, mean, variance], epsilon=EPSILON)
            case "max":
                self.window("MaxPool", layer, inputs, ceil_mode=1)
            case "lrn":
                self.node("LRN", layer, inputs, alpha=o["alpha"], beta=o["beta"], bias=1.0, size=o["size"])
            case "concat" | "softmax":
                self.node({"concat": "Concat", "softmax": "Softmax"}[layer.kind], layer, inputs, axis=1)
            case "relu" | "mean" | "sum":
                self.node({"relu": "Relu", "mean": "GlobalAveragePool", "sum": "Add"}[layer.kind], layer, inputs)

    def window(self, op: str, layer: Layer, inputs: list[str], **attributes: Any) -> None:
        """Append a node that slides a square window."""
        o = layer.options
        kernel, strides, pads = [o["kernel"]] * 2, [o["stride"]] * 2, [o["pad"]] * 4
        self.node(op, layer, inputs, kernel_shape=kernel, strides=strides, pads=pads, **attributes)

    def node(self, op: str, layer: Layer, inputs: list[str], *, suffix: str = "", **attributes: Any) -> None:
        """Append one node; a layer's value is named like the layer, which no two share."""
        output = layer.name + suffix
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        self.value[layer.top] = output
