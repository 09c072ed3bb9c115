"""Upgrades: every recorded old file becomes what the original's own tool made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import text_format

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.bind import read_message
from tcaffe.frontend.upgrade import upgrade_net, upgrade_solver
from tcaffe.schema import caffe_pb2

GOLDEN = Path(__file__).parents[1] / "golden" / "upgrade"
TEXTS = sorted(p.parent.name for p in GOLDEN.glob("*/in.prototxt"))
BINARIES = sorted(p.parent.name for p in GOLDEN.glob("*/old.caffemodel"))


@pytest.mark.parametrize("case", TEXTS)
def test_text(case: str) -> None:
    solver = case.startswith("solver")
    message = caffe_pb2.SolverParameter if solver else caffe_pb2.NetParameter
    source = text_format.Parse((GOLDEN / case / "in.prototxt").read_text(), message())
    before = source.SerializeToString()
    tool = json.loads((GOLDEN / case / "tool.json").read_text())
    if not tool["wrote"]:
        with pytest.raises(CompileError):
            upgrade_solver(source) if solver else upgrade_net(source)
        return
    upgraded = upgrade_solver(source) if solver else upgrade_net(source)
    got = upgraded.solver if solver else upgraded.net
    assert got == text_format.Parse((GOLDEN / case / "out.prototxt").read_text(), message())
    assert source.SerializeToString() == before
    assert bool(upgraded.notes) == bool(tool["exit_code"])
    assert upgraded.changed == any("deprecated" in line for line in tool["log"])


@pytest.mark.parametrize("case", BINARIES)
def test_binary(case: str) -> None:
    old, new = (
        caffe_pb2.NetParameter.FromString((GOLDEN / case / f"{age}.caffemodel").read_bytes()) for age in ("old", "new")
    )
    assert upgrade_net(old).net == new


def net(text: str) -> caffe_pb2.NetParameter:
    return text_format.Parse(text, caffe_pb2.NetParameter())


def test_layers_remember_where_they_come_from() -> None:
    upgraded = upgrade_net(net("""
        input: "x" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4
        layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "x" top: "p" }
        layers { layer { name: "c" type: "conv" num_output: 2 kernelsize: 3 } bottom: "p" top: "c" }
    """))  # fmt: skip
    assert [layer.name for layer in upgraded.net.layer] == ["input", "c"]
    assert upgraded.origin == (None, 1)
    assert list(upgraded.net.layer[1].convolution_param.pad) == [1]
    assert upgraded.changed


def test_a_current_net_is_left_as_it_is() -> None:
    current = net('layer { name: "r" type: "ReLU" bottom: "x" top: "y" }')
    assert upgrade_net(current).net == current
    assert not upgrade_net(current).changed


def test_what_cannot_be_carried_over_is_told() -> None:
    old = 'input: "x" layers { layer { name: "r" type: "relu" num_output: 3 } bottom: "x" top: "y" }'
    upgraded = upgrade_net(net(old))
    assert [str(note) for note in upgraded.notes] == [
        "warning E0333: `num_output` means nothing to layer `r` of type relu"
    ]


def test_input_shapes_must_be_enough() -> None:
    with pytest.raises(CompileError, match="2 inputs need 8 `input_dim`, the net has 4"):
        upgrade_net(net('input: "x" input: "y" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4'))


def test_nets_inside_a_solver_are_upgraded_too() -> None:
    old = """
        net_param { layers { type: RELU name: "r" bottom: "x" top: "y" } }
        test_net_param { layer { name: "new" } }
        test_net_param { input: "x" layers { layer { name: "s" type: "split" pad: 1 } bottom: "x" top: "y" } }
    """
    upgraded = upgrade_solver(text_format.Parse(old, caffe_pb2.SolverParameter()))
    assert upgraded.solver.net_param.layer[0].type == "ReLU"
    assert [net.layer[0].name for net in upgraded.solver.test_net_param] == ["new", "s"]
    assert [path for path, net in upgraded.nets.items() if net.changed] == [("net_param",), ("test_net_param", 1)]
    assert [note.code for note in upgraded.notes] == ["E0333"]


BROKEN = {
    """
input: "x"
layers { bottom: "x" top: "a" layer { name: "a" type: "convolution" } }
layers { bottom: "b" top: "c" layer { name: "c" type: "relu" } }
""": [
        "3:55: error E0332: layer `a` has the unknown old type `convolution`",
        "4:18: error E0301: layer `c`: unknown bottom `b`",
    ],
    """
input: "x"
layers { bottom: "x" top: "p" layer { name: "p" type: "padding" pad: 1 } }
layers { bottom: "p" top: "c" layer { name: "c" type: "innerproduct" } }
""": ["4:55: error E0331: layer `c` of type innerproduct cannot take the padding in front of it"],
    """
layers { top: "d" layer { name: "d" type: "data" } }
layers { bottom: "d" top: "r" name: "r" type: RELU }
""": ["3:1: error E0338: layer `r` is not of the first format, as others are"],
    """
layers { name: "r" type: RELU }
layer { name: "s" type: "ReLU" }
""": ["3:1: error E0334: the net has both `layers` and `layer`"],
    """
input: "x"
input_dim: 1
input_dim: 2
""": ["3:12: error E0330: 1 inputs need 4 `input_dim`, the net has 2"],
}


@pytest.mark.parametrize("text", BROKEN)
def test_problems_are_told_together_and_in_their_place(text: str) -> None:
    bound = read_message(text, caffe_pb2.NetParameter, "old")
    with pytest.raises(CompileError) as error:
        upgrade_net(bound.message, bound.spans.nearest)
    told = [str(d).splitlines()[0].removeprefix("old:") for d in error.value.diagnostics]
    assert sorted(told) == BROKEN[text]


def test_what_the_first_format_has_no_place_for_is_left_out_aloud() -> None:
    upgraded = upgrade_net(net("""
        debug_info: true
        layers { top: "d" include { phase: TRAIN } layer { name: "d" type: "data" } }
    """))  # fmt: skip
    assert [note.message for note in upgraded.notes] == [
        "nets of the first format have no `debug_info`: it is left out",
        "`include` beside a layer of the first format, `d`, is left out",
    ]
    assert upgraded.net == net('layer { name: "d" type: "Data" top: "d" }')


def test_a_problem_inside_a_solver_is_told_in_its_place() -> None:
    text = 'test_net_param { }\ntest_net_param {\n  layers { layer { name: "a" type: "b" } }\n}'
    bound = read_message(text, caffe_pb2.SolverParameter, "solver")
    with pytest.raises(CompileError, match="solver:3:36: error E0332"):
        upgrade_solver(bound.message, bound.spans.nearest)
