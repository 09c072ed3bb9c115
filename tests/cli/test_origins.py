from __future__ import annotations

from pathlib import Path

from tcaffe.cli.building import planned
from tcaffe.cli.options import NetQuery
from tcaffe.cli.origins import Origins, by_type


def origins(tmp_path: Path, text: str) -> Origins:
    (tmp_path / "net.prototxt").write_text(text)
    return planned(NetQuery(str(tmp_path / "net.prototxt")).lower()).origins


def names(found: Origins) -> list[list[str]]:
    return [[layer.name for layer in layers] for layers in found.by_kernel]


def test_what_is_folded_away_is_still_somewhere(net, tmp_path: Path) -> None:
    found = origins(tmp_path, Path(net).read_text())
    assert names(found) == [["conv1", "bn1", "scale1", "relu1"], ["left", "sum"], ["fc"], ["prob"]]
    assert [layer.name for layer in found.absent] == ["data", "drop"]
    assert found.words()[0] == ("Convolution", "BatchNorm", "Scale", "ReLU")


def test_siblings_share_a_kernel(tmp_path: Path) -> None:
    size = "convolution_param {{ num_output: 8 kernel_size: 1 }}"
    one = f'layer {{{{ name: "{{0}}" type: "Convolution" bottom: "x" top: "{{0}}" {size} }}}}\n'
    found = origins(
        tmp_path,
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 64 dim: 28 dim: 28 } } }\n'
        + one.format("a")
        + one.format("b"),
    )
    assert names(found) == [["a", "b"]]
    assert found.words() == (("2 Convolution",),)
    line = by_type(found)[1]
    assert (line.layers, line.kernels, line.others) == (2, 1, "in the same Convolution")


def test_names_that_look_like_parts_of_others(tmp_path: Path) -> None:
    found = origins(
        tmp_path,
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }\n'
        'layer { name: "n" type: "LRN" bottom: "x" top: "n.y" }\n'
        'layer { name: "n.y" type: "Pooling" bottom: "n.y" top: "n" pooling_param { kernel_size: 2 } }\n',
    )
    assert names(found) == [["n"], ["n.y"]]
