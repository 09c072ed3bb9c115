"""Layers in place that the original gets wrong: which are told of, and that gradients are right here."""

import numpy as np
import pytest

import tcaffe
from tcaffe.frontend.load import load_net

HEAD = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 dim: 3 dim: 3 } } }\n'


def layer(name, kind, more="", bottom="x", top="x"):
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {more} }}\n'


def told(*layers, phase="TRAIN"):
    return [str(d) for d in load_net(HEAD + "".join(layers), phase=phase).warnings if d.code == "E0317"]


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ([layer("p", "Power", "power_param { power: 2 }")], "for the gradient, and gets another one"),
        ([layer("r", "ReLU", "relu_param { negative_slope: -1 }")], "for the gradient, and gets another one"),
        ([layer("s", "Sigmoid"), layer("r", "ReLU")], "for the gradient of layer `s`"),
        ([layer("n", "LRN")], "and gets another result"),
        ([HEAD.replace('"x"', '"y"'), layer("e", "Eltwise", 'bottom: "y"')], "and gets another result"),
    ],
)
def test_layers_that_lose_what_is_needed(layers, what):
    (message,) = told(*layers)
    assert what in message
    assert ":2:" in message or ":3:" in message


def test_layers_that_lose_nothing():
    shift, leaky = "power_param { shift: 1 }", "relu_param { negative_slope: 0.1 }"
    assert not told(layer("p", "Power", shift), layer("r", "ReLU", leaky), layer("s", "Sigmoid"))
    assert not told(layer("p", "Power", "power_param { power: 2 }", top="y"))
    assert not told(layer("p", "Power", "power_param { power: 2 }"), phase="TEST")


def test_the_gradient_is_that_of_the_formula(tmp_path):
    path = tmp_path / "net.prototxt"
    square = layer("square", "Power", "power_param { power: 2 }")
    path.write_text("force_backward: true\n" + HEAD + layer("copy", "Power", top="y") + square.replace('"x"', '"y"'))
    with pytest.warns(UserWarning, match="E0317"):
        net = tcaffe.Net(str(path), tcaffe.TRAIN)
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 3)).astype(np.float32)
    net.forward(x=x)
    net.backward(y=np.ones_like(x))
    np.testing.assert_allclose(net.blobs["x"].diff, 2 * x, rtol=1e-6)
