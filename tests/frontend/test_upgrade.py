"""Upgrades: every recorded old file becomes what the original's own tool made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import text_format

from tcaffe.diagnostics import CompileError
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
    if not json.loads((GOLDEN / case / "tool.json").read_text())["wrote"]:
        with pytest.raises(CompileError):
            upgrade_solver(source) if solver else upgrade_net(source)
        return
    got = upgrade_solver(source) if solver else upgrade_net(source).net
    assert got == text_format.Parse((GOLDEN / case / "out.prototxt").read_text(), message())
    assert source.SerializeToString() == before


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
    upgraded = upgrade_net(net('layers { layer { name: "r" type: "relu" num_output: 3 } bottom: "x" top: "y" }'))
    assert [str(note) for note in upgraded.notes] == [
        "warning E0333: `num_output` means nothing to layer `r` of type relu"
    ]


def test_input_shapes_must_be_enough() -> None:
    with pytest.raises(CompileError, match="2 inputs need 8 `input_dim`, the net has 4"):
        upgrade_net(net('input: "x" input: "y" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4'))


def test_nets_inside_a_solver_are_upgraded_too() -> None:
    solver = text_format.Parse(
        'net_param { layers { type: RELU name: "r" bottom: "x" top: "y" } }', caffe_pb2.SolverParameter()
    )
    assert upgrade_solver(solver).net_param.layer[0].type == "ReLU"
