from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from tcaffe.cli import comparing
from tcaffe.cli.comparing import difference


def test_the_same(cli, net) -> None:
    result = cli("check", net)
    assert result.exit_code == 0
    assert result.stdout.startswith("the same: 5 blobs, and the outputs as they really run; the largest error is ")


def test_every_blob_is_listed(cli, net) -> None:
    output = cli("check", net, "--all").stdout
    assert [line.split()[0] for line in output.splitlines()[1:6]] == ["conv1", "left", "sum", "fc", "prob"]


def test_random_parameters_reach_the_end(cli, net) -> None:
    """With the fillers' zeros a check would compare nothing with nothing."""
    found = json.loads(cli("check", net, "--json", "--seed", 3).stdout)
    assert all(blob["expected"] != 0 for blob in found["blobs"])


def broken(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[str, dict[str, np.ndarray]], bool]) -> None:
    """A compiler whose programs give wrong numbers for some blobs."""
    honest = comparing.deploy

    def deploy(*arguments: object, **options: object) -> object:
        executable = honest(*arguments, **options)

        def run(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            outputs = executable(**inputs)
            return {name: value + 0.5 * wrong(name, outputs) for name, value in outputs.items()}

        run.manifest = executable.manifest
        return run

    monkeypatch.setattr(comparing, "deploy", deploy)


def test_the_first_blob_that_differs_is_named(cli, net, monkeypatch) -> None:
    broken(monkeypatch, lambda name, outputs: name in ("left", "fc", "prob"))
    result = cli("check", net)
    assert result.exit_code == 1
    assert "3 of 5 blobs differ" in result.stdout
    assert "first blob  left" in result.stdout
    assert "tiny.prototxt:9:1" in result.stdout


def test_a_fault_of_fusion_is_found_by_keeping_one_blob_at_a_time(cli, net, monkeypatch) -> None:
    broken(monkeypatch, lambda name, outputs: len(outputs) == 1 and name in ("sum", "fc", "prob"))
    result = cli("check", net)
    assert result.exit_code == 1
    assert "fusion is at fault" in result.stdout
    assert "first blob  sum" in result.stdout


def test_a_tolerance_of_nothing_is_too_much(cli, net) -> None:
    assert cli("check", net, "--rtol", 0).exit_code == 1


@pytest.mark.parametrize(
    ("got", "expected", "error"),
    [
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([np.nan], [np.nan], 0.0),
        ([np.inf, 1.0], [np.inf, 1.0], 0.0),
        ([np.nan], [1.0], np.inf),
        ([1.0], [np.nan], np.inf),
        ([np.inf], [1.0], np.inf),
        ([], [], 0.0),
    ],
)
def test_difference(got: list[float], expected: list[float], error: float) -> None:
    assert difference(np.array(got), np.array(expected)).error == error


def test_labels_are_whole_numbers(cli, tmp_path) -> None:
    path = tmp_path / "scored.prototxt"
    path.write_text(
        'layer { name: "x" type: "Input" top: "x" top: "y" input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }\n'
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "x" bottom: "y" top: "loss" }\n'
        'layer { name: "right" type: "Accuracy" bottom: "x" bottom: "y" top: "right" }'
    )
    assert cli("check", path).exit_code == 0
