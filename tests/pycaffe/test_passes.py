"""Passes: any number of items, ranges of layers, hooks around each."""

import numpy as np
import pytest

from tcaffe import pycaffe as caffe

pytestmark = pytest.mark.filterwarnings("ignore:.*E0317")

NET = """
force_backward: true
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 2 dim: 2 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 kernel_size: 1 weight_filler { type: "xavier" } } }
layer { name: "square" type: "Power" bottom: "y" top: "y" power_param { power: 2 shift: 1 } }
layer { name: "grow" type: "Exp" bottom: "y" top: "y" exp_param { scale: 0.1 } }
layer { name: "left" type: "Sigmoid" bottom: "y" top: "left" }
layer { name: "right" type: "TanH" bottom: "y" top: "right" }
layer { name: "sum" type: "Eltwise" bottom: "left" bottom: "right" top: "sum" }
"""
RNG = np.random.default_rng(0)
X = RNG.standard_normal((10, 3, 2, 2)).astype(np.float32)


def gradients(net):
    return {"x": net.blobs["x"].diff.copy(), "w": net.params["conv"][0].diff.copy()}


def assert_same(found, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_forward_all_takes_any_number_of_items(net_of):
    net = net_of(NET)
    out = net.forward_all(["y"], x=X)
    assert {name: value.shape for name, value in out.items()} == {"sum": (10, 4, 2, 2), "y": (10, 4, 2, 2)}
    for start in (0, 4, 6):
        np.testing.assert_array_equal(net.forward(x=X[start : start + 4])["sum"], out["sum"][start : start + 4])
    assert not np.may_share_memory(out["sum"], net.blobs["sum"].data)


def test_what_belongs_to_no_item_has_one_value_a_batch(net_of):
    net = net_of(NET + 'layer { name: "all" type: "Reduction" bottom: "sum" top: "all" }')
    assert net.forward_all(x=X[:8])["all"].shape == (2,)


def test_inputs_of_different_lengths_are_refused(net_of):
    second = 'layer { name: "in2" type: "Input" top: "z" input_param { shape { dim: 4 } } }'
    with pytest.raises(ValueError, match="10 of x, 9 of z"):
        net_of(NET + second).forward_all(x=X, z=np.zeros(9))


def test_forward_backward_all_gives_diffs_of_every_item(net_of):
    net = net_of(NET)
    top = RNG.standard_normal((10, 4, 2, 2)).astype(np.float32)
    blobs, diffs = net.forward_backward_all(["y"], ["y"], x=X, sum=top)
    assert blobs["sum"].shape == blobs["y"].shape == diffs["y"].shape == (10, 4, 2, 2)
    net.forward(x=X[4:8])
    np.testing.assert_allclose(diffs["x"][4:8], net.backward(sum=top[4:8])["x"], rtol=1e-6)


def test_diffs_of_parameters_add_up_until_they_are_cleared(net_of):
    net = net_of(NET)
    net.forward(x=X[:4])
    net.backward(sum=np.ones((4, 4, 2, 2)))
    once = net.params["conv"][0].diff.copy()
    net.backward()
    np.testing.assert_allclose(net.params["conv"][0].diff, 2 * once, rtol=1e-6)
    net.clear_param_diffs()
    assert not net.params["conv"][0].diff.any()


def test_layers_may_run_backward_one_by_one(net_of):
    net = net_of(NET)
    net.forward(x=X[:4])
    net.backward(sum=np.ones((4, 4, 2, 2)))
    expected = gradients(net)
    net.clear_param_diffs()
    net.blobs["x"].diff[...] = 0
    for first, last in (("sum", "left"), ("grow", "grow"), ("square", "square"), ("conv", "conv")):
        net.backward(start=first, end=last)
    assert_same(gradients(net), expected)


def test_hooks_see_every_layer_and_change_nothing(net_of):
    plain, net = net_of(NET), net_of(NET)
    net.share_with(plain)
    calls, seen = [], []
    net.before_forward(lambda k: calls.append(("before", k)))
    net.after_forward(lambda k: (calls.append(("after", k)), seen.append(net.blobs["y"].data.copy())))
    net.before_backward(lambda k: calls.append(("before", -k)))
    net.after_backward(lambda k: calls.append(("after", -k)))
    for n in (plain, net):
        n.forward(x=X[:4])
        n.backward(sum=np.ones((4, 4, 2, 2)))
    assert_same(gradients(net), gradients(plain))
    order = [*range(7), *(-k for k in reversed(range(7)))]
    assert calls == [(when, k) for k in order for when in ("before", "after")]
    np.testing.assert_allclose(seen[2], (1 + seen[1]) ** 2, rtol=1e-5)
    np.testing.assert_allclose(seen[3], np.exp(0.1 * seen[2]), rtol=1e-5)


def test_a_hook_may_change_what_the_next_layer_reads(net_of):
    net = net_of(NET)

    def still(layer):
        if layer == 3:
            net.blobs["y"].data[...] = 0

    net.after_forward(still)
    np.testing.assert_array_equal(net.forward(x=X[:4])["sum"], 0.5)


def test_numbered_passes_and_raw_lists(net_of):
    net = net_of(NET.replace("force_backward: true", "") + """
        layer { name: "loss" type: "Reduction" bottom: "sum" top: "loss" loss_weight: 2 }""")
    net.blobs["x"].data[...] = X[:4]
    assert net._forward(0, 7) == pytest.approx(2 * net.blobs["loss"].data.sum())
    assert net._forward(0, 3) == 0
    net._backward(7, 0)
    assert net.params["conv"][0].diff.any()
    assert [net._blob_names[k] for k in net._inputs] == ["x"]
    assert [net._blob_names[k] for k in net._outputs] == ["loss"]
    assert net._blobs[0] is net.blobs["x"]
    assert net._blob_loss_weights[-1] == 2


def test_parameters_are_shared_with_another_net(net_of):
    first, second = net_of(NET), net_of(NET)
    second.share_with(first)
    first.params["conv"][0].data[...] = 3
    np.testing.assert_array_equal(second.forward(x=X[:4])["sum"], first.forward(x=X[:4])["sum"])
    second.params["conv"][0].data[...] = RNG.standard_normal((4, 3, 1, 1))
    np.testing.assert_array_equal(first.forward(x=X[:4])["sum"], second.forward(x=X[:4])["sum"])
    other = net_of(NET.replace("num_output: 4", "num_output: 5"))
    with pytest.raises(ValueError, match="cannot take"):
        other.share_with(first)


@pytest.mark.parametrize("how", ["caffemodel", "h5"])
def test_parameters_survive_a_file(net_of, tmp_path, how):
    net, file = net_of(NET), tmp_path / f"weights.{how}"
    (net.save if how == "caffemodel" else net.save_hdf5)(file)
    again = net_of(NET)
    (again.copy_from if how == "caffemodel" else again.load_hdf5)(file)
    for x, y in zip(net.params["conv"], again.params["conv"], strict=True):
        np.testing.assert_array_equal(x.data, y.data)


def test_parameters_that_layers_share_are_stored_once(net_of, tmp_path):
    net = net_of("""
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" param { name: "w" }
          inner_product_param { num_output: 3 bias_term: false weight_filler { type: "xavier" } } }
        layer { name: "b" type: "InnerProduct" bottom: "y" top: "z" param { name: "w" }
          inner_product_param { num_output: 3 bias_term: false } }
    """)
    import h5py

    net.save_hdf5(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        assert list(file["data/a"]) == ["0"]
        assert list(file["data/b"]) == []


def test_module_functions(capsys):
    caffe.init_log(1)
    caffe.log("nobody sees this")
    caffe.init_log()
    caffe.log("a line")
    assert capsys.readouterr().err.endswith("] a line\n")
    caffe.init_log(0, False)
    timer = caffe.Timer()
    timer.start()
    timer.stop()
    assert 0 <= timer.ms < 1000
    assert (caffe.solver_count(), caffe.solver_rank(), caffe.has_nccl()) == (1, 0, False)
    with pytest.raises(ValueError, match="from 0"):
        caffe.set_device(-1)
