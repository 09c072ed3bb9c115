"""Fields that the schema does not have: what rules get of them, and what is said about those nobody reads."""

import time

import pytest

from tcaffe.diagnostics import CompileError, render
from tcaffe.frontend.forks import is_kept
from tcaffe.frontend.layers import LAYERS, layer
from tcaffe.frontend.load import load_net
from tcaffe.frontend.unread import MOST_TOLD
from tcaffe.schema.caffe_pb2 import FillerParameter, LayerParameter

INPUT = "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 1 dim: 4 dim: 6 dim: 6 } } }\n"


@pytest.fixture
def registered(monkeypatch):
    """Registers a rule for one test."""
    monkeypatch.setattr("tcaffe.frontend.layers.registry.LAYERS", table := dict(LAYERS))
    monkeypatch.setattr("tcaffe.frontend.checks.LAYERS", table)
    return layer


def said(text):
    """What a user sees of the fields of forks in a net, whose first layer is an input."""
    try:
        warnings = load_net(INPUT + text).warnings
    except CompileError as error:
        return str(error).replace("<text>:", "")
    return render(warnings).replace("<text>:", "") if warnings else "accepted"


def test_fields_of_forks(golden):
    golden.table(said)


def test_every_field_of_a_fork_that_is_kept_is_no_field_of_caffe():
    messages = [LayerParameter.DESCRIPTOR, *filter(None, (f.message_type for f in LayerParameter.DESCRIPTOR.fields))]
    known = {(field.name, message.name) for message in messages for field in message.fields}
    assert [field for field in known if is_kept(*field)] == []


def read(registered, fields, wanted, **options):
    """What `wanted(p)` gives for a layer of type MyLayer with these fields, and the warnings."""
    found = []

    @registered("MyLayer", **options)
    def mine(x, p):
        """x, after a look at its fields."""
        found.append(wanted(p))
        return x

    net = load_net(INPUT + f"layer {{ name: 'm' type: 'MyLayer' bottom: 'x' top: 'y' {fields} }}")
    return found[0], [w.message for w in net.warnings]


MINE = """my_layer_param { gain: 2 mode: FAST name: 'n' on: true order: 2 order: 1
  filler { type: 'constant' value: 3 } more { a: 1 a: 2 } }"""


@pytest.mark.parametrize("options", [{}, {"param": "my_layer_param"}])
def test_a_layer_from_outside_reads_its_own_message(registered, options):
    def wanted(p):
        plain = p.foreign("gain", 1.0), p.foreign("mode", "SLOW"), p.foreign("name", ""), p.foreign("on", False)
        filler = p.foreign("filler", FillerParameter())
        return *plain, p.foreign("order", (), int), filler.value, p.foreign("more", {}), p.foreign("missing", 7)

    values = (2.0, "FAST", "n", True, (2, 1), 3.0, {"a": [1, 2]}, 7)
    assert read(registered, MINE, wanted, **options) == (values, [])


def test_a_layer_from_outside_reads_fields_of_the_layer_and_of_messages_of_caffe(registered):
    fields = "gain: 3 power_param { scale: 2 trick: 4 } extra { a: 1 }"
    found, warnings = read(
        registered,
        fields,
        lambda p: (p.foreign("gain", 0), p.scale, p.foreign("trick", 0), p.foreign("extra", {})),
        param="power_param",
    )
    assert (found, warnings) == ((3, 2.0, 4, {"a": 1}), [])


def test_what_a_rule_from_outside_does_not_read_is_told(registered):
    fields = "my_layer_param { gian: 2 } quantization_param { } other { a: 1 }"
    assert read(registered, fields, lambda p: p.foreign("gain", 1.0)) == (
        1.0,
        [
            "MyLayer layers do not read `gian`",
            "`quantization_param` has no effect: it is about 8-bit arithmetic, and all is computed in floating point",
            "MyLayer layers do not read `other`",
        ],
    )


def test_a_great_many_fields_take_no_time(registered):
    many = "".join(f"field_{i}: 1 " for i in range(5_000))
    start = time.process_time()
    _, warnings = read(registered, f"my_layer_param {{ {many} }}", lambda p: p.foreign("field_7", 1))
    assert len(warnings) <= MOST_TOLD
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("fields", "default", "problem"),
    [
        ("gain: FAST", 1.0, "E0203: `gain` takes a number, not `FAST`"),
        ("gain: 1.5", 1, "E0203: `gain` takes a whole number, not `1.5`"),
        (f"gain: {'9' * 5000}", 1, "E0203: `gain` takes a whole number, not `9999"),
        (f"gain: {'9' * 5000}", 1.0, "E0203: `gain` takes a number, not `9999"),
        ("gain: 2", False, "E0203: `gain` takes true or false, not `2`"),
        ("gain: 2", "", "E0203: `gain` takes a word or a string, not `2`"),
        ("gain { }", 1, "E0203: `gain` takes a whole number, not a message"),
        ("gain: 2", FillerParameter(), "E0203: `gain` takes a message"),
        ("gain { valeu: 2 }", FillerParameter(), "E0201: a FillerParameter has no field `valeu`"),
        ("gain: 1 gain: 2", 1, "E0205: `gain` is given 2 times"),
        ("gain: [1, 'x']", (1,), "E0203: `gain` takes a whole number, not `'x'`"),
    ],
)
def test_values_are_of_the_kind_of_the_default(registered, fields, default, problem):
    of = int if isinstance(default, tuple) else None
    with pytest.raises(CompileError) as caught:
        read(registered, f"my_layer_param {{ {fields} }}", lambda p: p.foreign("gain", default, of))
    assert problem.partition(": ")[2] in str(caught.value) and problem[:5] in str(caught.value)
    assert caught.value.diagnostics[0].span.line == 2


def test_fields_stay_with_their_layer_through_upgrade_and_filter():
    net = """input: "x" input_dim: 1 input_dim: 4 input_dim: 6 input_dim: 6
      layer { name: "t" type: "ReLU" bottom: "x" top: "t" relu_param { relu6: true } include { phase: TRAIN } }
      layer { name: "p" type: "Pooling" bottom: "x" top: "p"
        pooling_param { kernel_size: 3 stride: 2 ceil_mode: false } }
      layer { name: "q" type: "Pooling" bottom: "x" top: "q" pooling_param { kernel_size: 3 stride: 2 } }"""
    blobs = load_net(net).blobs
    assert (blobs["p"].shape, blobs["q"].shape) == ((1, 4, 2, 2), (1, 4, 3, 3))


def test_old_nets_may_have_fields_of_forks_too():
    net = """input: "x" input_dim: 1 input_dim: 4 input_dim: 6 input_dim: 6
      layers { name: "p" type: POOLING bottom: "x" top: "p"
        pooling_param { kernel_size: 3 stride: 2 ceil_mode: false } }"""
    assert load_net(net).blobs["p"].shape == (1, 4, 2, 2)


def test_layers_that_are_not_there_tell_nothing():
    absent = "layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'a' quantization_param { } include { phase: TRAIN } }"
    assert load_net(INPUT + absent).warnings == ()
