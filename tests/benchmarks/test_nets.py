"""The benchmark's networks are the published ones, and its Caffe files say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.caffe_files import prototxt, write_caffemodel
from benchmarks.describe import Net
from benchmarks.nets import NETS
from tcaffe.schema import caffe_pb2

# Millions of learned parameters, and GFLOP an image, as commonly published.
PUBLISHED = {
    "caffenet": (60.97, 1.45),
    "alexnet": (60.97, 1.45),
    "googlenet": (7.00, 3.17),
    "vgg16": (138.36, 30.94),
    "resnet50": (25.56, 7.72),
    "squeezenet": (1.24, 0.78),
    "mobilenet": (4.23, 1.14),
}


@pytest.mark.parametrize("name", NETS)
def test_size_and_work_are_the_published_ones(name: str) -> None:
    net = NETS[name]()
    assert (round(net.parameters / 1e6, 2), round(2 * net.macs / 1e9, 2)) == PUBLISHED[name]


def test_prototxt_is_a_line_a_layer() -> None:
    net = Net("Tiny", 5)
    net.softmax(net.mean("m", net.relu(net.batch_norm(net.conv("c", net.input, 4, 3, stride=2, pad=1, bias=False)))))
    assert prototxt(net, batch=2).splitlines() == [
        'name: "Tiny"',
        'layer { name: "data" type: "Input" top: "data" '
        "input_param { shape { dim: 2 dim: 3 dim: 5 dim: 5 } } }",
        'layer { name: "c" type: "Convolution" bottom: "data" top: "c" '
        "convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 group: 1 bias_term: false } }",
        'layer { name: "c/bn" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { use_global_stats: true } }',
        'layer { name: "c/bn/scale" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }',
        'layer { name: "c/relu" type: "ReLU" bottom: "c" top: "c"  }',
        'layer { name: "m" type: "Pooling" bottom: "c" top: "m" pooling_param { pool: AVE global_pooling: true } }',
        'layer { name: "prob" type: "Softmax" bottom: "m" top: "prob"  }',
    ]


def test_caffemodel_is_a_net_parameter(tmp_path: Path) -> None:
    net = Net("Tiny", 300)
    net.batch_norm(net.conv("c", net.input, 200, 3))
    filters, bias = np.random.rand(200, 3, 3, 3).astype("f"), np.arange(200, dtype="f")
    statistics = [np.full(200, k, "f") for k in range(4)]
    write_caffemodel(net, {"c": [filters, bias], "c/bn": statistics}, tmp_path / "tiny.caffemodel")

    message = caffe_pb2.NetParameter.FromString((tmp_path / "tiny.caffemodel").read_bytes())
    assert [(layer.name, layer.type) for layer in message.layer] == [
        ("c", "Convolution"), ("c/bn", "BatchNorm"), ("c/bn/scale", "Scale"),
    ]  # fmt: skip
    assert list(message.layer[0].blobs[0].shape.dim) == [200, 3, 3, 3]
    np.testing.assert_array_equal(message.layer[0].blobs[0].data, filters.ravel())
    np.testing.assert_array_equal(message.layer[0].blobs[1].data, bias)
    assert [blob.data[0] for blob in message.layer[1].blobs] == [0, 1, 1]
    assert [blob.data[0] for blob in message.layer[2].blobs] == [2, 3]
