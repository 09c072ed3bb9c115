"""Random numbers in nets: other ones at every pass, the same again after the same seed."""

import numpy as np
import pytest

from tcaffe import pycaffe as caffe

NET = """
layer { name: "x" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: 40 dim: 50 } data_filler { type: "constant" value: 3 } } }
layer { name: "noise" type: "DummyData" top: "noise"
  dummy_data_param { shape { dim: 40 dim: 50 } data_filler { type: "gaussian" std: 2 } } }
layer { name: "drop" type: "Dropout" bottom: "x" top: "dropped" dropout_param { dropout_ratio: 0.25 } }
layer { name: "more" type: "Dropout" bottom: "dropped" top: "dropped" }
layer { name: "sum" type: "Eltwise" bottom: "dropped" bottom: "noise" top: "sum" }
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    return caffe.Net(str(tmp_path / "net.prototxt"), caffe.TRAIN)


def passes(net, count=3):
    """What the last two blobs hold after each of some passes."""
    net_passes = (
        (net.forward(), net.blobs["dropped"].data.copy(), net.blobs["noise"].data.copy()) for _ in range(count)
    )
    return [(dropped, noise) for _, dropped, noise in net_passes]


def test_what_is_dropped_differs_from_pass_to_pass(net):
    (first, noise), (second, other_noise), _ = passes(net)
    kept = 0.75 * 0.5
    assert set(np.unique(first)) == {0, np.float32(3 / kept)}
    assert abs((first != 0).mean() - kept) < 0.05
    assert (first != second).mean() == pytest.approx(2 * kept * (1 - kept), abs=0.05)
    assert noise.std() == pytest.approx(2, rel=0.1)
    assert (noise != other_noise).all()


def test_passes_repeat_after_a_seed(net):
    def seeded():
        caffe.set_random_seed(11)
        return passes(net, 2)

    for one, two in zip(seeded(), seeded(), strict=True):
        np.testing.assert_array_equal(one, two)
    caffe.set_random_seed(12)
    assert (passes(net, 1)[0][0] != one[0]).any()


def test_part_of_the_layers_draws_too(net):
    net.forward()
    net.forward(start="drop", end="drop")
    kept = net.blobs["dropped"].data != 0
    assert kept.mean() == pytest.approx(0.75, abs=0.05)
