"""Solver files: what is wrong with them, each problem at its field; which nets they name, and in which state."""

from __future__ import annotations

import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.train.settings import read_settings, weight_files

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 } } }
layer { name: "extra" type: "Silence" bottom: "x" include { stage: "more" } }
layer { name: "deep" type: "Silence" bottom: "x" include { min_level: 2 } }
layer { name: "test" type: "Power" bottom: "x" top: "y" include { phase: TEST } }
"""
GOOD = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 2 '


@pytest.fixture
def settings(tmp_path):
    """The settings in a text."""
    (tmp_path / "net.prototxt").write_text(NET)

    def read(text, rule=None):
        (tmp_path / "solver.prototxt").write_text(text)
        return read_settings(tmp_path / "solver.prototxt", rule)

    return read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('base_lr: 1 lr_policy: "fixed"', "E0801: one net to train is needed: none"),
        (GOOD + 'train_net: "b"', "1:76: error E0801: one net to train is needed: `net`, `train_net`"),
        (GOOD + 'type: "SGDD"', "E0802: there is no type `SGDD`"),
        ('net: "net.prototxt"', "E0802: `lr_policy` is missing"),
        (GOOD + 'regularization_type: "L3"', "E0802: there is no regularization_type `L3`"),
        (GOOD + 'type: "AdaGrad" momentum: 0.9', "E0803: AdaGrad has no momentum"),
        (GOOD + 'type: "RMSProp" rms_decay: 1.5', "E0803: rms_decay is at least 0"),
        (GOOD + "average_loss: 0", "E0803: average_loss is at least 1"),
        ('net: "net.prototxt" lr_policy: "step"', "E0803: lr_policy step needs a stepsize"),
        ('net: "net.prototxt" lr_policy: "poly"', "E0803: lr_policy poly needs a max_iter"),
        (GOOD + "test_iter: 1", "E0804: testing needs a test_interval"),
        (GOOD + 'test_net: "a"', "E0804: there are 1 test nets and 0 test_iter"),
        (GOOD + "test_iter: 1 test_interval: 1 test_state {} test_state {}", "E0804: 2 test_state for 1 test nets"),
        (GOOD.replace("net.proto", "nope.proto"), "E0604: there is no file `nope.prototxt`"),
        (GOOD + "learning_rate: 1", "E0201: a SolverParameter has no field `learning_rate`"),
    ],
)
def test_what_is_wrong_is_told(settings, text, told):
    with pytest.raises(CompileError) as error:
        settings(text)
    assert told in str(error.value)


def test_several_problems_are_told_at_once(settings):
    with pytest.raises(CompileError) as error:
        settings('type: "Nope" average_loss: 0')
    assert {d.code for d in error.value.diagnostics} == {"E0801", "E0802", "E0803"}


def layers(net):
    return [layer.name for layer in net.message.layer]


def test_nets_are_read_in_their_states(settings):
    found = settings(
        GOOD + 'test_iter: 3 test_iter: 4 test_interval: 1 train_state { level: 2 } test_state {} '
        'test_state { stage: "more" }'
    )
    assert layers(found.train) == ["x", "deep"]
    assert [layers(net) for net in found.tests] == [["x", "test"], ["x", "extra", "test"]]


def test_test_nets_have_an_order(settings):
    found = settings(
        GOOD + 'test_iter: 1 test_iter: 1 test_iter: 1 test_interval: 1 test_net: "net.prototxt" '
        'test_net_param { name: "inline" layer { name: "only" type: "DummyData" top: "a" '
        "dummy_data_param { shape { dim: 1 } } } }"
    )
    assert [layers(net)[0] for net in found.tests] == ["only", "x", "x"]


def test_names_are_completed(settings, tmp_path):
    assert settings(GOOD).message.snapshot_prefix == str(tmp_path / "solver")
    assert settings(GOOD + f'snapshot_prefix: "{tmp_path}"').message.snapshot_prefix == str(tmp_path / "solver")
    assert settings(GOOD + 'snapshot_prefix: "a/b"').message.snapshot_prefix == "a/b"
    assert settings(GOOD + "solver_type: ADAM").message.type == "Adam"
    assert settings(GOOD + 'type: "Adam"', "SGD").message.type == "SGD"


def test_weights_are_lists_of_files(settings):
    found = settings(GOOD + 'weights: "a.caffemodel, b.caffemodel" weights: "c.h5"')
    assert [file.name for file in weight_files(found.message, found.folder)] == ["a.caffemodel", "b.caffemodel", "c.h5"]
