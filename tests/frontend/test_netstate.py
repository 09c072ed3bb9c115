"""Which layers a state keeps."""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.netstate import filter_net
from tcaffe.schema import caffe_pb2

NET = """
    layer { name: "always" }
    layer { name: "train" include { phase: TRAIN } }
    layer { name: "test" exclude { phase: TRAIN } }
    layer { name: "deep" include { min_level: 2 max_level: 4 } }
    layer { name: "staged" include { stage: "a" stage: "b" } include { not_stage: "a" phase: TEST } }
    layer { name: "empty rule" exclude { } }
"""


def kept(text: str = NET, **state: object) -> list[str]:
    net, indices = filter_net(text_format.Parse(text, caffe_pb2.NetParameter()), **state)  # type: ignore[arg-type]
    assert len(indices) == len(net.layer)
    return [layer.name for layer in net.layer]


@pytest.mark.parametrize(
    ("state", "layers"),
    [
        ({"phase": "TEST"}, ["always", "test", "staged"]),
        ({"phase": "TRAIN"}, ["always", "train"]),
        ({"phase": "TRAIN", "level": 3}, ["always", "train", "deep"]),
        ({"phase": "TRAIN", "stages": ("a", "b")}, ["always", "train", "staged"]),
        ({"phase": "TEST", "stages": ("a",)}, ["always", "test"]),
    ],
)
def test_rules(state: dict[str, object], layers: list[str]) -> None:
    assert kept(**state) == layers


def test_stages_of_the_file_count_too() -> None:
    assert "staged" in kept('state { stage: "a" } ' + NET, phase="TRAIN", stages=("b",))


def test_every_contradiction_is_told() -> None:
    both = 'layer { name: "%s" include { phase: TEST } exclude { stage: "s" } }'
    with pytest.raises(CompileError) as error:
        kept(both % "a" + both % "b", phase="TEST")
    assert [d.message for d in error.value.diagnostics] == [
        "layer `a` has both include and exclude rules",
        "layer `b` has both include and exclude rules",
    ]
