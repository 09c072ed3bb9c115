from __future__ import annotations

import json
import re
from pathlib import Path

import tcaffe
from tests.cli.conftest import NET


def test_where_the_layers_went(cli, golden, net) -> None:
    result = cli("compile", net)
    assert (result.exit_code, result.stderr) == (0, "")
    table, facts = result.output.split("\n\nmemory")
    golden(table)
    assert re.match(r"   7\.58 KiB in blobs -> .* arena.*\n +lower bound .*: optimal\nweights .*\ntime .*\n$", facts)


def test_kernels_are_listed(cli, net) -> None:
    output = cli("compile", net, "--kernels").output
    assert "Convolution + BatchNorm + Scale + ReLU" in output
    assert "2×4×8×8" in output


def test_the_same_for_machines(cli, net) -> None:
    found = json.loads(cli("compile", net, "--json").output)
    layers = {name for kernel in found["kernels"] for name in kernel["layers"]}
    assert layers == {"conv1", "bn1", "scale1", "relu1", "left", "sum", "fc", "prob"}
    assert found["outputs"] == {"prob": [2, 5]}
    assert found["arena"] >= found["lower_bound"] > 0
    assert found["naive"] == 4 * (2 * 3 * 64 + 3 * 2 * 4 * 64 + 2 * 2 * 5)
    assert found["diagnostics"] == []


def test_what_is_kept(cli, net, tmp_path: Path) -> None:
    bundle, ir, source = tmp_path / "b", tmp_path / "ir", tmp_path / "k.py"
    result = cli("compile", net, "-o", bundle, "--dump-ir", ir, "--source", source, "--outputs", "fc")
    assert result.exit_code == 0, result.output
    assert list(tcaffe.load(bundle).manifest.outputs) == ["fc"]
    assert [p.name for p in sorted(ir.iterdir())][:2] == ["00-lower.ir", "01-simplify.ir"]
    assert source.read_text() == (bundle / "kernels.py").read_text()
    assert all(str(path) in result.output for path in (bundle, source, ir / "00-lower.ir"))


def test_shapes_and_batches(cli, net) -> None:
    def data(*options: str) -> list[int]:
        return json.loads(cli("compile", net, "--json", *options).output)["inputs"]["data"]

    assert data("--batch", "5") == [5, 3, 8, 8]
    assert data("--input", "data=1x3x8x8") == [1, 3, 8, 8]
    assert data("--input", "1,3,8,8", "--batch", "9") == [1, 3, 8, 8]


def test_a_net_from_stdin(cli) -> None:
    assert cli("compile", "-", stdin=NET).output.startswith("tiny: 10 layers -> ")


def test_every_problem_is_told_at_its_line(cli, golden, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.prototxt").write_text(
        NET.replace('"Softmax"', '"Sofmax"').replace("num_output: 4 kernel_size: 3", "num_outputs: 4")
    )
    result = cli("compile", "bad.prototxt")
    assert (result.exit_code, result.stdout) == (1, "")
    golden(result.stderr)


def test_problems_for_machines(cli, tmp_path: Path) -> None:
    path = tmp_path / "bad.prototxt"
    path.write_text(NET.replace('"Softmax"', '"Sofmax"'))
    result = cli("compile", path, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["diagnostics"]
    assert (problem["code"], problem["span"]["line"], problem["suggestion"]) == ("E0304", 15, "did you mean `Softmax`?")
