from __future__ import annotations

import json
from pathlib import Path


def test_a_line_a_layer(cli, golden, net) -> None:
    golden(cli("summary", net).output)


def test_for_machines(cli, net) -> None:
    found = json.loads(cli("summary", net, "--batch", 1, "--json").output)
    conv1, scale1 = found["layers"][1], found["layers"][3]
    assert (conv1["macs"], conv1["params"], conv1["shapes"]) == (4 * 64 * 27, 4 * 27 + 4, [[1, 4, 8, 8]])
    assert (scale1["in_place"], scale1["bytes"], scale1["params"]) == (True, 0, 8)
    assert found["total"]["macs"] == 4 * 64 * 27 + 4 * 64 * 36 + 5 * 256
    assert found["total"]["params"] == sum(layer["params"] for layer in found["layers"])


def test_a_shared_parameter_is_counted_once(cli, tmp_path: Path) -> None:
    path = tmp_path / "twins.prototxt"
    twin = (
        'layer {{ name: "{0}" type: "InnerProduct" bottom: "data" top: "{0}" inner_product_param {{ num_output: 2 }}\n'
        '  param {{ name: "w" }} param {{ name: "b" }} }}\n'
    )
    path.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }\n'
        + twin.format("a")
        + twin.format("b")
    )
    found = json.loads(cli("summary", path, "--json").output)
    assert [(layer["params"], layer["shared"]) for layer in found["layers"]] == [(0, 0), (8, 0), (0, 8)]
    assert "(8)" in cli("summary", path).output


def test_the_phase_filters(cli, tmp_path: Path) -> None:
    path = tmp_path / "phases.prototxt"
    path.write_text(
        'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 } } }\n'
        'layer { name: "only" type: "ReLU" bottom: "d" top: "o" include { phase: TRAIN stage: "s" } }'
    )
    assert "only" not in cli("summary", path).output
    assert "only" not in cli("summary", path, "--phase", "train").output
    assert "only" in cli("summary", path, "--phase", "TRAIN", "--stage", "s").output
