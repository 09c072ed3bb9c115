"""Compiled nets as the runtime sees them: what a run allocates, what a bundle needs, threads."""

import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest

from tcaffe.compiler import compile
from tcaffe.runtime.executable import load
from tests.runtime.tiny import NUMPY_BUFFERS

NET = """
name: "mixed ../../x \\"); import os; (\\""
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 64 dim: 3 dim: 32 dim: 32 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 16 kernel_size: 5 pad: 2 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" }
layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "../../conv2"
  convolution_param { num_output: 32 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "side" type: "Convolution" bottom: "pool1" top: "side\\"); import os; (\\""
  convolution_param { num_output: 32 kernel_size: 1 weight_filler { type: "xavier" } } }
layer { name: "sum" type: "Eltwise" bottom: "../../conv2" bottom: "side\\"); import os; (\\"" top: "sum" }
layer { name: "fc" type: "InnerProduct" bottom: "sum" top: "fc"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""

ALONE = """
import sys

class NumpyAlone:
    def find_spec(self, name, path, target=None):
        top = name.split(".")[0]
        known = top in sys.stdlib_module_names or top == "numpy" or name in (
            "tcaffe", "tcaffe.alias", "tcaffe.runtime", "tcaffe.ir", "tcaffe.diagnostics",
            *(f"tcaffe.ir.{part}" for part in ("program", "graph", "node", "target", "types")))
        if not known and not name.startswith("tcaffe.runtime."):
            raise ImportError(f"{name} is out of reach")

sys.meta_path.insert(0, NumpyAlone())
import numpy as np
from tcaffe.runtime.executable import load
exe = load(sys.argv[1])
np.save(sys.argv[2], exe(data=np.load(sys.argv[2]))["prob"])
"""


@pytest.fixture(scope="module")
def exe():
    return compile(NET)


@pytest.fixture(scope="module")
def data():
    return np.random.default_rng(0).standard_normal((64, 3, 32, 32)).astype(np.float32)


def test_the_arena_is_what_was_planned(exe):
    assert exe.context().arena.bytes.nbytes == exe.plan.size == exe.manifest.plan.size >= exe.plan.lower_bound


def test_a_steady_run_allocates_nothing_of_size(exe, data):
    context = exe.context()
    context.inputs["data"][...] = data
    for _ in range(2):
        context.run()
    tracemalloc.start()
    try:
        context.run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < NUMPY_BUFFERS < exe.plan.size / 20


def test_threads_get_what_one_caller_gets(exe, data):
    wanted = [exe(data=data * k)["prob"] for k in range(3)]
    wrong = []

    def work(k):
        wrong.extend(k for _ in range(4) if not np.array_equal(exe(data=data * k)["prob"], wanted[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_bundle_gives_the_same_numbers_with_numpy_alone(exe, data, tmp_path):
    exe.save(tmp_path / "bundle")
    np.save(tmp_path / "data.npy", data)
    subprocess.run([sys.executable, "-c", ALONE, tmp_path / "bundle", tmp_path / "data.npy"], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "data.npy"), exe(data=data)["prob"], rtol=1e-5, atol=1e-7)


def test_a_loaded_bundle_is_the_same_program(exe, tmp_path):
    exe.save(tmp_path / "bundle")
    loaded = load(tmp_path / "bundle")
    assert (loaded.source, loaded.plan, loaded.manifest.calls) == (exe.source, exe.plan, exe.manifest.calls)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["bundle", "kernels.py", "manifest.json", "weights.bin"]
