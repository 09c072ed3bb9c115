"""Layers that run on the host: Python layers and what HDF5Output writes."""

import sys

import numpy as np
import pytest

import tcaffe
from tcaffe import pycaffe as caffe
from tcaffe.diagnostics import CompileError

MODULE = """
import caffe
import numpy as np

CALLS = []

class Affine(caffe.Layer):
    def setup(self, bottom, top):
        CALLS.append("setup")
        self.factor = float(self.param_str)
        self.blobs.add_blob(1)
        self.blobs[0].data[...] = 10

    def reshape(self, bottom, top):
        CALLS.append("reshape")
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        CALLS.append("forward")
        top[0].data[...] = bottom[0].data * self.factor + self.blobs[0].data[0] + self.phase

class Growing(caffe.Layer):
    def setup(self, bottom, top):
        self.size = 1

    def reshape(self, bottom, top):
        top[0].reshape(self.size, 3)

    def forward(self, bottom, top):
        self.size += 1
        top[0].reshape(self.size, 3)
        top[0].data[...] = self.size

class Failing(caffe.Layer):
    def setup(self, bottom, top):
        raise KeyError("what the user's code raises")
"""

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "Power" bottom: "x" top: "a" power_param { scale: 2 } }
layer { name: "py" type: "Python" bottom: "a" top: "b"
  python_param { module: "layers_of_mine" layer: "Affine" param_str: "0.5" } }
layer { name: "c" type: "Eltwise" bottom: "a" bottom: "b" top: "c" }
"""
X = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


@pytest.fixture
def net_of(tmp_path, monkeypatch):
    """A net from its text, next to a module with layers."""
    (tmp_path / "layers_of_mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "layers_of_mine", raising=False)

    def make(text=NET, phase=caffe.TEST, **more):
        (tmp_path / "net.prototxt").write_text(text)
        return caffe.Net("net.prototxt", phase, **more)

    return make


def test_a_python_layer_is_set_up_once_and_reshaped_before_every_pass(net_of):
    net = net_of()
    calls = sys.modules["layers_of_mine"].CALLS
    assert calls == ["setup", "reshape"]
    assert list(net.blobs) == ["x", "a", "b", "c"]
    found = net.forward(x=X)["c"]
    assert calls[2:] == ["reshape", "forward"]
    np.testing.assert_array_equal(found, 2 * X + (2 * X * 0.5 + 10 + caffe.TEST))
    assert isinstance(net.layer_dict["py"], tcaffe.Layer)
    assert net.layer_dict["py"].type == "Python"


def test_part_of_the_layers(net_of):
    net = net_of()
    net.blobs["a"].data[...] = 4
    assert net.forward(start="py", end="py")["b"].tolist() == [[13] * 3] * 2
    net.blobs["b"].data[...] = 1
    assert net.forward(start="c")["c"].tolist() == [[5] * 3] * 2


def test_the_net_reshapes_around_a_python_layer(net_of):
    net = net_of()
    net.blobs["x"].reshape(1, 2)
    assert net.forward(x=X[:1, :2])["c"].tolist() == [[14, 17]]


def test_its_parameters_are_the_nets(net_of):
    net = net_of()
    net.params["py"][0].data[...] = 20
    assert net.forward(x=X)["c"][0, 0] == 2 + 1 + 20 + 1
    net.save("net.caffemodel")
    other = net_of(weights="net.caffemodel")
    assert other.params["py"][0].data.tolist() == [20]
    assert other.layer_dict["py"].blobs[0].data.tolist() == [20]


def test_a_layer_may_bring_data_of_another_shape_at_every_pass(net_of):
    net = net_of("""
        layer { name: "py" type: "Python" top: "x" python_param { module: "layers_of_mine" layer: "Growing" } }
        layer { name: "twice" type: "Power" bottom: "x" top: "y" power_param { scale: 2 } }
    """)
    for size in (2, 3, 4):
        np.testing.assert_array_equal(net.forward()["y"], np.full((size, 3), 2 * size))


def test_a_module_imports_the_net_it_runs_in(net_of):
    net_of()
    assert sys.modules["layers_of_mine"].caffe.Layer is tcaffe.Layer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('module: "layers_of_mine"', 'module: "no_such_module"'), "No module named 'no_such_module'"),
        (('layer: "Affine"', 'layer: "Missing"'), "module 'layers_of_mine' has no class 'Missing'"),
        (('module: "layers_of_mine"', ""), "module '' has no class"),
    ],
)
def test_a_class_that_is_not_there_is_told(net_of, change, message):
    with pytest.raises(CompileError, match=message) as error:
        net_of(NET.replace(*change))
    assert "E0316" in str(error.value)


def test_what_the_code_raises_reaches_the_caller(net_of):
    with pytest.raises(KeyError, match="what the user's code raises"):
        net_of(NET.replace("Affine", "Failing"))


def test_a_compiled_net_imports_nothing(net_of):
    with pytest.raises(CompileError, match="layer `py`: Python layers cannot be compiled"):
        tcaffe.compile(NET)
    assert "layers_of_mine" not in sys.modules


HDF5 = """
layer { name: "in" type: "Input" top: "x" top: "l" input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }
layer { name: "out" type: "HDF5Output" bottom: "x" bottom: "l" hdf5_output_param { file_name: "out.h5" } }
layer { name: "after" type: "Power" bottom: "x" top: "y" power_param { shift: 1 } }
"""


def test_hdf5_output_writes_one_batch(net_of, tmp_path):
    h5py = pytest.importorskip("h5py")
    net = net_of(HDF5)
    assert not (tmp_path / "out.h5").exists()
    np.testing.assert_array_equal(net.forward(x=X, l=np.array([7, 8]))["y"], X + 1)
    with h5py.File(tmp_path / "out.h5", "r") as file:
        np.testing.assert_array_equal(file["data"], X[:, :, None, None])
        np.testing.assert_array_equal(file["label"], np.array([7, 8]).reshape(2, 1, 1, 1))
        assert file["data"].dtype == np.float32
    with pytest.raises(RuntimeError, match=r"layer 'out' has written out\.h5"):
        net.forward()


def test_hdf5_output_of_other_counts_is_refused(net_of):
    with pytest.raises(CompileError, match="the bottoms have 2 and 5 items"):
        net_of(HDF5.replace("shape { dim: 2 } }", "shape { dim: 5 } }"))


FILTER = """
layer { name: "in" type: "Input" top: "x" top: "s" input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }
layer { name: "f" type: "Filter" bottom: "x" bottom: "s" top: "chosen" }
layer { name: "mean" type: "Reduction" bottom: "chosen" top: "mean" reduction_param { operation: MEAN } }
"""


def test_what_follows_a_filter_has_the_size_that_was_selected(net_of):
    net = net_of(FILTER)
    assert net.blobs["chosen"].shape == (4, 3)
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    for selector in ([1, 0, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1], [0, 5, -1, 0]):
        found = net.forward(["chosen"], x=x, s=np.array(selector))
        chosen = x[np.flatnonzero(selector)]
        np.testing.assert_array_equal(found["chosen"], chosen)
        assert found["mean"] == pytest.approx(chosen.mean())


def test_a_filter_that_selects_nothing_is_told(net_of):
    net = net_of(FILTER)
    with pytest.raises(CompileError, match="layer `f`: blob `chosen` would have no elements"):
        net.forward(x=np.ones((4, 3)), s=np.zeros(4))
    assert net.forward(x=np.ones((4, 3)), s=np.array([1, 0, 0, 0]))["mean"] == 1


def test_a_filter_passes_gradients_to_what_it_selected(net_of):
    net = net_of(FILTER)
    net.forward(x=np.ones((4, 3)), s=np.array([0, 1, 0, 1]))
    net.blobs["chosen"].diff[...] = [[1, 2, 3], [4, 5, 6]]
    net.blobs["x"].diff[...] = 7
    net._hosts.run_backward(1, [True, False])
    assert net.blobs["x"].diff.tolist() == [[0] * 3, [1, 2, 3], [0] * 3, [4, 5, 6]]
