"""One switch between CPU and GPU: the same numbers, and the same dropout masks to the bit."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

SCRIPT = """
import numpy as np
import tcaffe as caffe

NET = '''
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [3, 4, 9, 9] } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: [3] } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "relu" type: "ReLU" bottom: "bn" top: "bn" }
layer { name: "pool" type: "Pooling" bottom: "bn" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "drop" }
layer { name: "fc" type: "InnerProduct" bottom: "drop" top: "fc"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
'''
data = np.random.default_rng(0).normal(size=(3, 4, 9, 9))


def run(mode):
    mode()
    caffe.set_random_seed(7)
    with open("net.prototxt", "w") as file:
        file.write(NET)
    net = caffe.Net("net.prototxt", caffe.TRAIN)
    net.blobs["data"].data[...], net.blobs["label"].data[...] = data, [0, 4, 2]
    net.forward()
    net.backward()
    found = {name: np.array(blob.data) for name, blob in net.blobs.items()}
    return found | {f"d.{n}{k}": np.array(b.diff) for n, bs in net.params.items() for k, b in enumerate(bs)}


cpu, gpu = run(caffe.set_mode_cpu), run(caffe.set_mode_gpu)
assert cpu.keys() == gpu.keys()
for name, value in cpu.items():
    np.testing.assert_allclose(gpu[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
assert 0 < np.count_nonzero(cpu["drop"] == 0) < cpu["drop"].size
np.testing.assert_array_equal(cpu["drop"] == 0, gpu["drop"] == 0)
"""


def test_cpu_and_gpu_agree(tmp_path) -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
