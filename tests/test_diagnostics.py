"""Diagnostics as users see them, and as tools read them."""

from __future__ import annotations

import json
import pickle
import re
import time
from pathlib import Path

import pytest

import tcaffe
from tcaffe.diagnostics import CompileError, Diagnostic, Reporter, Source, Span, suggest
from tcaffe.explanations import EXPLANATIONS, explain


def show(text: str, guilty: str, message: str = "wrong", **more: str) -> str:
    """A diagnostic about the first occurrence of `guilty` in `text`, as printed."""
    return str(Diagnostic("E0999", message, Source("net.prototxt", text).span(text.index(guilty), len(guilty)), **more))


def caret(text: str, guilty: str) -> str:
    """What of the printed line stands above the carets."""
    line, marks = show(text, guilty).splitlines()[1:3]
    return line[marks.index("^") : marks.rindex("^") + 1]


def test_rendering() -> None:
    text = 'layer {\n\tname: "conv1"\n\tnum_outptu: 20\n}'
    assert show(text, "num_outptu", note="a note", suggestion="a way out") == (
        "net.prototxt:3:2: error E0999: wrong\n"
        "    num_outptu: 20\n"
        "    ^^^^^^^^^^\n"
        "  note: a note\n"
        "  help: a way out"
    )


def test_a_diagnostic_without_a_place_has_no_excerpt() -> None:
    assert str(Diagnostic("E0999", "no weights", severity="warning")) == "warning E0999: no weights"
    assert str(Diagnostic("E0999", "wrong", Span("a.ir", 3))) == "a.ir:3:1: error E0999: wrong"


@pytest.mark.parametrize(
    ("text", "guilty"),
    [
        ("a: 1\tb: 2\tc: 3", "c: 3"),  # tabs within the line
        ("x" * 300 + " here " + "y" * 300, "here"),  # a long line is clipped around the caret
        ("x" * 300 + " here", "here"),
        ("here " + "x" * 300, "here"),
    ],
)
def test_carets_stand_below_the_guilty_part(text: str, guilty: str) -> None:
    assert caret(text, guilty) == guilty


def test_carets_know_wide_and_combining_characters() -> None:
    marks = show('name: "层e\u0301" x', "x").splitlines()[2]
    assert marks.index("^") == 4 + len('name: "') + 2 + 1 + len('" ')


def test_long_lines_are_clipped() -> None:
    lines = show("x" * 10**6 + " here " + "y" * 10**6, "here").splitlines()
    assert max(map(len, lines)) < 120
    assert lines[1].strip("… ").startswith("x") and lines[1].endswith("…")


def test_the_place_of_the_end_is_a_place() -> None:
    assert str(Source("a", "x\ny").span(3)) == "a:2:2"
    assert str(Source("a", "").span(0)) == "a:1:1"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r", "\u202e", "\x00", "\u2028", "\udc80", "\x9b"])
def test_hostile_text_cannot_drive_the_terminal(hostile: str) -> None:
    place = Span(f"a{hostile}", 1, 1, 1, f'x: "{hostile}"')
    shown = str(Diagnostic("E0999", f"bad {hostile}", place, note=hostile, suggestion=hostile))
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown.split("\n")) == 5


def test_json_holds_the_whole_diagnostic() -> None:
    span = Span("a", 2, 3, 4, "line")
    told = json.loads(json.dumps(Diagnostic("E0999", "wrong", span, "note", "help").json()))
    assert told == {
        "code": "E0999",
        "message": "wrong",
        "span": {"file": "a", "line": 2, "column": 3, "length": 4, "text": "line"},
        "note": "note",
        "suggestion": "help",
        "severity": "error",
    }


def test_a_reporter_collects_and_raises_at_the_end() -> None:
    reporter = Reporter()
    reporter.warn("E0998", "odd")
    reporter.raise_if_errors()
    reporter.error("E0999", "wrong")
    reporter.error("E0999", "also wrong")
    with pytest.raises(CompileError) as caught:
        reporter.raise_if_errors()
    assert str(caught.value) == (
        "warning E0998: odd\nerror E0999: wrong\nerror E0999: also wrong\n2 errors, 1 warning"
    )
    assert pickle.loads(pickle.dumps(caught.value)).diagnostics == tuple(reporter.diagnostics)


def test_many_alike_are_counted_not_printed() -> None:
    alike = [Diagnostic("E0999", "wrong", Span("a", line)) for line in range(1, 200)]
    assert str(CompileError([*alike, Diagnostic("E0998", "else")])).splitlines() == [
        "a:1:1: error E0999: wrong",
        "a:2:1: error E0999: wrong",
        "a:3:1: error E0999: wrong",
        "error E0998: else",
        "... and 196 more of them: E0999: wrong",
        "200 errors",
    ]


def test_many_different_ones_are_cut() -> None:
    shown = str(CompileError(Diagnostic("E0999", f"wrong {i}") for i in range(1000))).splitlines()
    assert shown[-2:] == ["... and 950 more", "1000 errors"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("num_outputs", "num_output"),
        ("kernelsize", "kernel_size"),
        ("Kernel_Size", "kernel_size"),
        ("strid", "stride"),
        ("banana", ""),
        ("", ""),
    ],
)
def test_suggestions(word: str, meant: str) -> None:
    choices = ["num_output", "kernel_size", "kernel_h", "stride", "pad"]
    assert suggest(word, choices) == (f"did you mean `{meant}`?" if meant else "")


def test_suggestions_are_fast_among_many_choices() -> None:
    names = [f"inception_{i}/branch_{i % 7}/conv" for i in range(20_000)]
    start = time.process_time()
    assert suggest("inception_77/branch_0/cnov", names) == "did you mean `inception_77/branch_0/conv`?"
    assert suggest("x" * 10**6, names) == ""
    assert time.process_time() - start < 1


def codes_in_use() -> set[str]:
    """Every diagnostic code that the source tree mentions."""
    files = [f for f in Path(tcaffe.__file__).parent.rglob("*.py") if "explanations" not in f.parts]
    return {code for f in files for code in re.findall(r"\bE0[1-8]\d\d\b", f.read_text("utf-8"))} - {"E0123"}


def test_every_code_is_explained() -> None:
    assert codes_in_use() - EXPLANATIONS.keys() == set()


def test_no_explanation_outlives_its_code() -> None:
    assert EXPLANATIONS.keys() - codes_in_use() == set()


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_explanations_have_a_title_and_a_text(code: str) -> None:
    title, blank, *text = explain(code).splitlines()
    assert title.startswith(f"{code}: ") and not title.endswith(".") and not blank and text
    assert max(map(len, [title, *text])) <= 120
