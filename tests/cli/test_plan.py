from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

INSTANCE = "id,lower,upper,size\na,0,3,4\nb,3,9,4\nc,0,9,4\n\n"


def test_the_peak_and_who_lives_there(cli, net) -> None:
    output = cli("plan", net).stdout
    assert "the peak: kernel " in output
    assert "lower bound" in output and "optimal" in output
    assert "conv1" in output.split("the peak")[1]


def test_a_table_of_batches(cli, net) -> None:
    lines = cli("plan", net, "--batch", "1,4").stdout.splitlines()
    assert lines[0].split()[:2] == ["batch", "arena"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "4"]


def test_the_largest_batch_that_fits(cli, net) -> None:
    found = json.loads(cli("plan", net, "--memory-limit", "1MiB", "--json").stdout)
    totals = {plan["batch"]: plan["total"] for plan in found["plans"]}
    assert totals[found["batch"]] <= 2**20 < totals[found["batch"] + 1]
    assert f"a batch of {found['batch']} fits in 1.00 MiB" in cli("plan", net, "--memory-limit", "1MiB").stdout


def test_nothing_fits(cli, net) -> None:
    result = cli("plan", net, "--memory-limit", "10")
    assert result.exit_code == 1
    assert "nothing fits in 10 B, not even a batch of 1" in result.stdout


def test_the_plan_as_an_instance_that_can_be_planned_again(cli, net, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    assert cli("plan", net, "-o", path).exit_code == 0
    rows = list(csv.DictReader(path.read_text().splitlines()))
    size = max(int(row["offset"]) + int(row["size"]) for row in rows)
    again = json.loads(cli("plan", "--csv", path, "--capacity", size, "--json").stdout)
    assert (again["buffers"], again["fits"]) == (len(rows), True)


def test_a_file_of_buffers(cli, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(INSTANCE)
    result = cli("plan", "--csv", tmp_path / "in.csv", "--capacity", "8", "-o", tmp_path / "out.csv")
    assert (result.exit_code, "8 bytes: it fits" in result.stdout) == (0, True)
    solved = {row["id"]: int(row["offset"]) for row in csv.DictReader((tmp_path / "out.csv").read_text().splitlines())}
    assert solved["a"] == solved["b"] != solved["c"]
    assert cli("plan", "--csv", tmp_path / "in.csv", "--capacity", "7").exit_code == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id,lower,upper\n", "x.csv:1:1: error E0609: there is no column size"),
        ("", "no column id and no column lower"),
        (INSTANCE + "a,1,2,3\n", "x.csv:6:1: error E0609: there is a buffer `a` already"),
        (INSTANCE + "d,2,2,3\n", "the lifetime [2, 2) is empty"),
        (INSTANCE + "d,-1,2,3\n", "whole numbers"),
        (INSTANCE + "d,1,2\n", "whole numbers"),
        (INSTANCE + f"d,1,2,{'9' * 30}\n", "whole numbers"),
    ],
)
def test_files_of_buffers_that_are_wrong(cli, tmp_path: Path, monkeypatch, text: str, complaint: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text(text)
    result = cli("plan", "--csv", "x.csv")
    assert result.exit_code == 1
    assert complaint in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--batch", "0"), ("--batch", "x"), ("--memory-limit", "much")])
def test_wrong_usage(cli, net, arguments: tuple[str, ...]) -> None:
    assert cli("plan", *([net] if arguments else []), *arguments).exit_code == 2
