"""Transformations within data_param, as the examples of early 2014 have them."""

from __future__ import annotations

import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.bind import read_net
from tcaffe.frontend.load import read_state

OLD = """
layers { name: "d" type: DATA top: "data"
  data_param { source: "db" batch_size: 4
    transform_param { scale: 0.5 crop_size: 7 }
  }
}
"""


def test_they_are_the_layers():
    layer = read_state(OLD, phase="TRAIN").message.layer[0]
    assert (layer.transform_param.scale, layer.transform_param.crop_size) == (0.5, 7)
    assert layer.data_param.source == "db"


def test_places_are_those_of_the_file():
    with pytest.raises(CompileError, match=r"net:4:\d+: error E0201: `transform_param` has no field `scael`"):
        read_net(OLD.replace("scale", "scael"), "net")


@pytest.mark.parametrize("text", [
    OLD.replace("}\n}", "}\n  transform_param { scale: 1 }\n}"),
    OLD.replace("layers", "layer").replace("DATA", '"Data"'),
])  # fmt: skip
def test_elsewhere_they_are_refused(text):
    with pytest.raises(CompileError, match="E0201: `data_param` has no field `transform_param`"):
        read_net(text, "net")
