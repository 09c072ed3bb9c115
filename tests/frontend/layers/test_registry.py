"""The catalogue: what registering a rule means, and what a rule sees of its layer."""

import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.layers import CAFFE_TYPES, LAYERS, LayerView, layer, registry
from tcaffe.frontend.layers.registry import MESSAGES, Arity
from tcaffe.frontend.load import load_net
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.ops import maximum, minimum
from tcaffe.schema import caffe_pb2


@pytest.fixture
def registered(monkeypatch):
    """Registers a rule for one test."""
    monkeypatch.setattr("tcaffe.frontend.layers.registry.LAYERS", table := dict(LAYERS))
    monkeypatch.setattr("tcaffe.frontend.checks.LAYERS", table)
    return layer


def load(text):
    return load_net(f"layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ dim: 2 dim: 3 }} }} }} {text}")


def test_a_layer_from_outside_is_a_function(registered):
    @registered("Capped")
    def capped(x, p):
        """x between 0 and the cap."""
        return minimum(maximum(x, 0), p.foreign("cap", 1.0))

    net = load("layer { name: 'r' type: 'Capped' bottom: 'x' top: 'y' capped_param { cap: 6 } }")
    found = evaluate(net.graph, {"x": np.array([[-1, 3, 9], [0, 6, 7]])})
    assert found["y"].tolist() == [[0, 3, 6], [0, 6, 6]]


def test_a_layer_from_outside_has_fields_parameters_and_refusals(registered):
    @registered("Gain", param="power_param", tops=2)
    def gain(x, p):
        """x times a learned number, and x times p.scale."""
        p.require(p.scale != 0, "scale", "scale is 0", "then nothing is left")
        return x * p.blob("gain", x.shape, p.constant(1)), x * p.scale

    text = "layer {{ name: 'g' type: 'Gain' bottom: 'x' top: 'y' top: 'z' power_param {{ scale: {} }} }}"
    net = load(text.format(0.1))
    assert [p.node.name for p in net.parameters] == ["g.gain"]
    assert net.blobs["z"].inputs[1].attrs["value"] == 0.1  # not 0.10000000149011612
    with pytest.raises(CompileError, match=r"scale is 0\n.*\n.*\^\n  note: then nothing is left"):
        load(text.format(0))


def test_the_parameters_of_a_rule_say_how_many_bottoms_it_takes(registered):
    rules = {
        Arity(0, 0): lambda p: None,
        Arity(1, 1): lambda x, p: None,
        Arity(1, 2): lambda x, y=None, *, p: None,
        Arity(2, None): lambda x, y, *more, p: None,
    }
    for arity, rule in rules.items():
        registered("Some")(rule)
        assert registry.LAYERS["Some"].bottoms == arity


def test_every_message_of_the_schema_belongs_to_a_type_of_its_name():
    shared = {"transform_param", "loss_param", "recurrent_param", "python_param"}
    of_types = {MESSAGES.get(name.lower()) for name in CAFFE_TYPES}
    assert set(MESSAGES.values()) - shared - of_types == set()


def test_no_field_is_hidden_by_a_method_of_the_view():
    messages = (f for f in caffe_pb2.LayerParameter.DESCRIPTOR.fields if f.name.endswith("_param"))
    fields = {field.name for message in messages for field in message.message_type.fields}
    assert fields & set(dir(LayerView)) == set()


def test_a_field_that_does_not_exist_is_a_mistake_of_the_rule(registered):
    @registered("Wrong", param="power_param")
    def wrong(x, p):
        """A rule with a slip."""
        return x * p.sclae

    with pytest.raises(AttributeError, match="layer type Wrong has no field sclae"):
        load("layer { name: 'w' type: 'Wrong' bottom: 'x' top: 'y' }")


@pytest.mark.parametrize("name", sorted(CAFFE_TYPES))
def test_every_type_of_caffe_is_known(name):
    with pytest.raises(CompileError) as caught:
        load(f"layer {{ name: 'l' type: '{name}' bottom: 'nothing' }}")
    assert "E0304" not in str(caught.value)
