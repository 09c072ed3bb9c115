from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import text_format

from tcaffe.schema import caffe_pb2

GOLDEN = Path(__file__).parents[1] / "golden" / "upgrade"
TEXTS = sorted(path.parent.name for path in GOLDEN.glob("*/in.prototxt"))
BINARIES = sorted(path.parent.name for path in GOLDEN.glob("*/old.caffemodel"))
V1 = """
name: "old"
input: "data"
input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" convolution_param { num_output: 2 kernel_size: 3 } }
"""


@pytest.mark.parametrize("case", TEXTS)
def test_recorded_texts(cli, tmp_path: Path, case: str) -> None:
    """File and exit status are those of the original's tool, and a second upgrade changes nothing."""
    tool = json.loads((GOLDEN / case / "tool.json").read_text())
    new = tmp_path / "new.prototxt"
    result = cli("upgrade", GOLDEN / case / "in.prototxt", new)
    assert (result.exit_code == 0) == (tool["exit_code"] == 0)
    assert new.exists() == tool["wrote"]
    if tool["wrote"]:
        kind = caffe_pb2.SolverParameter if case.startswith("solver") else caffe_pb2.NetParameter
        expected = text_format.Parse((GOLDEN / case / "out.prototxt").read_text(), kind())
        assert text_format.Parse(new.read_text(), kind()) == expected
        again = cli("upgrade", new, new)
        assert again.exit_code == 0 and "up to date already" in again.stderr


@pytest.mark.parametrize("case", BINARIES)
def test_recorded_weights(cli, tmp_path: Path, case: str) -> None:
    new = tmp_path / "any.name"
    assert cli("upgrade", GOLDEN / case / "old.caffemodel", new).exit_code == 0
    expected = caffe_pb2.NetParameter.FromString((GOLDEN / case / "new.caffemodel").read_bytes())
    assert caffe_pb2.NetParameter.FromString(new.read_bytes()) == expected


def test_what_could_not_be_carried_over_is_told_and_the_rest_written(cli, tmp_path: Path) -> None:
    result = cli("upgrade", GOLDEN / "v0_field_of_other_type" / "in.prototxt", tmp_path / "new", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {note["code"] for note in found["diagnostics"]} == {"E0333"}
    assert 'type: "ReLU"' in (tmp_path / "new").read_text()


def test_a_file_that_cannot_be_upgraded_stays_as_it_was(cli, tmp_path: Path) -> None:
    (tmp_path / "net").write_text("layers { name: 'r' type: RELU }\nlayer { name: 's' }")
    before = (tmp_path / "net").read_bytes()
    assert cli("upgrade", tmp_path / "net", tmp_path / "net").exit_code == 1
    assert (tmp_path / "net").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_text(cli, golden, tmp_path: Path) -> None:
    (tmp_path / "old.prototxt").write_text(V1)
    result = cli("upgrade", tmp_path / "old.prototxt", tmp_path / "new.prototxt")
    assert result.exit_code == 0
    assert "net: 1 layer from `layers` with types like CONVOLUTION to `layer`" in result.stderr
    golden((tmp_path / "new.prototxt").read_text())
    again = cli("upgrade", tmp_path / "new.prototxt", "-")
    assert again.stdout == (tmp_path / "new.prototxt").read_text()
    assert "up to date already" in again.stderr


def test_binary_by_content(cli, tmp_path: Path) -> None:
    old = text_format.Parse(V1, caffe_pb2.NetParameter())
    old.layers[0].blobs.add(data=[1.5] * 54)
    (tmp_path / "weights").write_bytes(old.SerializeToString())
    assert cli("upgrade", tmp_path / "weights", tmp_path / "weights").exit_code == 0
    new = caffe_pb2.NetParameter.FromString((tmp_path / "weights").read_bytes())
    assert [layer.type for layer in new.layer] == ["Input", "Convolution"]
    assert list(new.layer[1].blobs[0].data) == [1.5] * 54


def test_solver(cli, tmp_path: Path) -> None:
    (tmp_path / "solver").write_text('net: "x.prototxt" base_lr: 0.01 solver_type: ADAGRAD')
    result = cli("upgrade", tmp_path / "solver", "-")
    assert 'type: "AdaGrad"' in result.stdout
    assert 'solver: `solver_type` to `type: "AdaGrad"`' in result.stderr


def test_what_a_fork_added_is_kept(cli, tmp_path: Path) -> None:
    permute = "permute_param { order: 0 order: 2 }"
    (tmp_path / "ssd").write_text(f'layer {{ name: "p" type: "Permute" bottom: "a" top: "b" {permute} }}')
    assert "permute_param {\n    order: 0\n    order: 2\n  }" in cli("upgrade", tmp_path / "ssd", "-").stdout


@pytest.mark.parametrize("data", [b"\0\1\2", b"\x0a\xff\xff\xff\xff\xff", b"layer {"])
def test_files_that_are_nothing(cli, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "in").write_bytes(data)
    result = cli("upgrade", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert "error E0" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
