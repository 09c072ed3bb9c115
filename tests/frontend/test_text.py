"""The text format: everything protobuf accepts, and a helpful word on everything else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcaffe.diagnostics import CompileError, Source
from tcaffe.frontend.text import MOST_NESTED, Message, parse_text, read_source
from tests.conftest import Golden

ZOO = Path(__file__).parents[3] / "shared" / "zoo"


def parse(text: str) -> Message:
    return parse_text(Source("net.prototxt", text))


def outline(tree: Message) -> str:
    """A tree on one line: what the parser understood."""
    return " ".join(
        f.name + ("=[" if f.listed else "=") + ",".join(map(value_outline, f.values)) + ("]" if f.listed else "")
        for f in tree.fields
    )


def value_outline(value: object) -> str:
    return f"{{{outline(value)}}}" if isinstance(value, Message) else value.raw  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("", ""),
        ("  # only a comment", ""),
        ("a: 1", "a=1"),
        ("a: 1, b: 2; c: 3", "a=1 b=2 c=3"),
        ("layers{}", "layers={}"),
        ("layers{ a: 1 };", "layers={a=1}"),
        ("shape: { dim: 1 dim: 3 }", "shape={dim=1 dim=3}"),
        ("shape < dim: 1 >", "shape={dim=1}"),
        ("a { b < c: { d: 1 } > }", "a={b={c={d=1}}}"),
        ("dim: [1, 2, 3]", "dim=[1,2,3]"),
        ("dim: []", "dim=[]"),
        ("rule [{a: 1}, <b: 2>]", "rule=[{a=1},{b=2}]"),
        ("rule: [ { } ]", "rule=[{}]"),
        ("a: 1 # one\nb: 2 # two", "a=1 b=2"),
        ("a # between\n: # the\n 1", "a=1"),
        ("a { # within\n b: 1 # here\n }", "a={b=1}"),
        ("a: 1\r\nb {\r\n c: 'x'\r\n}\r\n", "a=1 b={c='x'}"),
        ("a: 'one' \"two\"\n 'three'", "a='one' \"two\" 'three'"),
        ("include{phase:TRAIN}", "include={phase=TRAIN}"),
        ("type: 'X' name: \"a/b\"", "type='X' name=\"a/b\""),
        ("height: $TARGET_HEIGHT$", "height=$TARGET_HEIGHT$"),
        ("a: - 1 b: -\n1.5 c: -inf", "a=- 1 b=-\n1.5 c=-inf"),
        ("true: true inf: inf", "true=true inf=inf"),
        ("[foo.bar]: 1 [a.b/c.D] { x: 1 }", "[foo.bar]=1 [a.b/c.D]={x=1}"),
        ("_a1: _B2", "_a1=_B2"),
        ("a:1. b:2", "a=1. b=2"),
    ],
)
def test_what_is_understood(text: str, understood: str) -> None:
    assert outline(parse(text)) == understood


NUMBERS = "0 7 -7 017 0x1F 0XaB 1. .5 0.5 -.5 1e5 1E-5 1.5e+5 1f 1.5F .5f 1e5f -inf -NaN"
NO_NUMBERS = "08 0x 1.2.3 1e 1x 10foo 0x1G +1 -foo - 1..2 0.5.f 00.5 1_000 ²"


@pytest.mark.parametrize("number", NUMBERS.split())
def test_numbers(number: str) -> None:
    assert outline(parse(f"a: {number} b: 1")) == f"a={number} b=1"


@pytest.mark.parametrize("word", NO_NUMBERS.split())
def test_what_is_no_number(word: str) -> None:
    with pytest.raises(CompileError):
        parse(f"a: {word} b: 1")


def test_a_byte_order_mark_is_not_text() -> None:
    source = read_source(b"\xef\xbb\xbfa: 1", "x")
    assert outline(parse_text(source)) == "a=1"
    assert source.span(0).column == 1


def test_comments_may_hold_any_bytes() -> None:
    assert outline(parse_text(read_source(b"# caf\xe9\na: 1", "x"))) == "a=1"


def test_places() -> None:
    text = "a: 12 b {\n  c: ['x', 'yz' 'w'] }"
    tree = parse(text)
    b = tree.fields[1].values[0]
    assert isinstance(b, Message)
    places = [tree.entries["a"][0].place, tree.entries["b"][0].place, *(e.place for e in b.entries["c"])]
    assert [text[start : start + length] for start, length in places] == ["12", "b", "'x'", "'yz' 'w'"]


def messages(text: str) -> str:
    """What a user sees of a text's syntax errors."""
    try:
        parse(text)
    except CompileError as error:
        return str(error)
    return "accepted"


def test_syntax_errors(golden: Golden) -> None:
    golden.table(messages)


PIECES = """ a layer name : { } < > [ ] , ; 1 -2.5 x 'one' "two" ' " $V$ [a.b] # = / . - + @ é """


@given(st.lists(st.sampled_from([*PIECES.split(), "\n", "\0", " "])))
@settings(max_examples=150)
def test_any_text_ends_in_a_tree_or_a_diagnostic(pieces: list[str]) -> None:
    for text in (" ".join(pieces), "".join(pieces)):
        assert messages(text) == "accepted" or "net.prototxt:" in messages(text)


def test_nesting_is_bounded() -> None:
    assert parse("a{" * (MOST_NESTED) + "}" * MOST_NESTED).height == MOST_NESTED + 1
    with pytest.raises(CompileError, match="E0108"):
        parse("a{" * (MOST_NESTED + 1) + "}" * (MOST_NESTED + 1))


@pytest.mark.parametrize(
    "text",
    [
        "a{" * 100_000,
        "a{" * 100_000 + "}" * 100_000,
        "{" * 100_000,
        "}" * 100_000,
        "a:[" * 100_000,
        "a: [" + "{" * 100_000,
        '"' * 99_999,
        'a: "' + '\\"' * 100_000,
        "a: " + "'" * 99_999,
        "-" * 100_000,
        "a: -" + "\n#" * 100_000,
        "a: " + "9" * 100_000,
        "a: 0." + "0" * 100_000 + "x",
        "a" * 100_000,
        ": " * 100_000,
        "\x00" * 100_000,
        "[" * 100_000,
        "[a" + "." * 100_000,
        "$" * 100_000,
        "$a" * 50_000,
        "#" * 100_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_hostile_texts_end_soon_in_a_diagnostic(text: str) -> None:
    start = time.process_time()
    shown = messages(text)
    assert time.process_time() - start < 3
    assert len(shown) < 20_000


@pytest.mark.skipif(not ZOO.is_dir(), reason="needs the model zoo")
def test_the_nets_of_the_zoo_parse() -> None:
    files = [path for path in ZOO.rglob("*.prototxt*") if path.stat().st_size < 8_000]
    heights = [parse_text(read_source(path.read_bytes(), path.name)).height for path in files]
    assert heights and max(heights) < 10


def test_large_texts_parse_in_time() -> None:
    scales = "".join(f"    scale_params: {i}.5\n" for i in range(20))
    text = f'layer {{\n  name: "conv1/3x3"\n  convolution_param {{\n    num_output: 64\n{scales}  }}\n}}\n' * 2000
    assert len(text) > 1_000_000
    start = time.process_time()
    parse(text)
    assert time.process_time() - start < 3
