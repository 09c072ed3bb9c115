from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcaffe.cli.commands.opt import GRAPH_PASSES, PROGRAM_PASSES

GRAPH = """graph @g {
  input %x: f32[2,3]
  %a: f32[2,3] = maximum(%x, 0.0)
  %b: f32[6] = reshape(%a)
  %y: f32[2,3] = reshape(%b)
  return %y
}
"""
SIMPLER = """graph @g {
  input %x: f32[2,3]
  %a: f32[2,3] = maximum(%x, 0.0)
  return y=%a
}
"""


def test_a_pass_over_text(cli) -> None:
    assert cli("opt", "--pass", "simplify", "-", stdin=GRAPH).stdout == SIMPLER


def test_no_pass_prints_what_was_read(cli, tmp_path: Path) -> None:
    (tmp_path / "g.ir").write_text(GRAPH + "\n# a remark\n")
    assert cli("opt", "--pass", "", tmp_path / "g.ir", "-o", tmp_path / "out.ir").stdout == ""
    assert (tmp_path / "out.ir").read_text() == GRAPH


def test_the_dumps_of_a_net_lead_to_its_program(cli, net, tmp_path: Path) -> None:
    cli("compile", net, "--dump-ir", tmp_path, "--workers", 2)
    dumps = sorted(tmp_path.glob("*.ir"))
    names = [path.stem[3:] for path in dumps]
    fuse = names.index("fuse")
    program = cli("opt", "--pass", ",".join(names[fuse:]), dumps[fuse - 1]).stdout
    assert buffers(program) == buffers(dumps[-1].read_text()) != []


def buffers(program: str) -> list[str]:
    return re.findall(r"^  buffer .*", program, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "status", "complaint"),
    [
        (GRAPH.replace("maximum", "maximun"), 1, "<text>:3:1: error E0701: there is no core op 'maximun'"),
        (GRAPH.replace("f32[6]", "f32[7]"), 1, "error E0701"),
        (GRAPH[:40], 1, "error E0701"),
        ("", 1, "error E0701"),
        ("program @p {", 1, "error E0701"),
    ],
)
def test_text_that_is_no_graph(cli, text: str, status: int, complaint: str) -> None:
    result = cli("opt", "--pass", "simplify", "-", stdin=text)
    assert (result.exit_code, result.stdout) == (status, "")
    assert complaint.replace("<text>", "-") in result.stderr


def test_a_pass_of_another_stage(cli) -> None:
    result = cli("opt", "--pass", "alias", "-", stdin=GRAPH)
    assert (result.exit_code, "E0702" in result.stderr) == (1, True)


def test_a_pass_there_is_not(cli) -> None:
    result = cli("opt", "--pass", "simplfy", "-", stdin=GRAPH)
    assert (result.exit_code, "did you mean `simplify`?" in result.stderr) == (2, True)


def test_the_help_names_every_pass(cli) -> None:
    help_ = cli("opt", "--help").stdout
    assert all(re.search(rf"^  \w.*: .*\b{name}\b", help_, re.MULTILINE) for name in (*GRAPH_PASSES, *PROGRAM_PASSES))
