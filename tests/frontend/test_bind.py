"""Binding: the values google.protobuf reads, every problem in one run, and the place of everything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message
from hypothesis import given, settings

from tcaffe.diagnostics import CompileError, Reporter
from tcaffe.frontend import bind
from tcaffe.frontend.bind import MOST_PROBLEMS, Lenient, read_message, read_net
from tcaffe.frontend.bound import Bound
from tcaffe.frontend.print_text import print_text
from tcaffe.frontend.scalars import plain
from tcaffe.schema.caffe_pb2 import ClipParameter, NetParameter, SolverParameter
from tests.conftest import Golden
from tests.frontend.messages import everything, random_messages, same

ZOO = Path(__file__).parents[3] / "shared" / "zoo"
Everything = everything()

NET = """\
name: "net"
input: "data" input: "more"
layer {
  name: "conv1"
  type: "Convolution"
  bottom: ["data", "more"]
  convolution_param {
    num_output: 20
    kernel_size: 5 kernel_size: 3
    weight_filler { type: "xavier" }
  }
}
layer { name: "relu" type: "ReLU" }
"""


def read_as(kind: type[Message], text: str) -> Message | None:
    """What tcaffe reads, None for an error."""
    try:
        return read_message(text, kind, "net.prototxt").message
    except CompileError:
        return None


def google_as(kind: type[Message], text: str, unknown: bool = False) -> Message | None:
    """What google.protobuf reads, None for an error; `unknown` fields are none."""
    try:
        return text_format.Parse(text, kind(), allow_unknown_field=unknown)
    except text_format.ParseError:
        return None


WRITTEN = r"""
    0 1 -1 7 017 08 0x1F -0x1F 2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 9223372036854775807
    9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
    1.0 1. .5 -.5 1e3 1E-3 1.5f 1f 1e39 1e400 -1e400 inf -inf INF Infinity -infinity nan -nan NaN 0.1 1e-46
    true false True False t f TRUE yes RED BLUE GREEN 'x' "x" "" 'a"b' "\n\t\\\"\'\a" "\101\7" "\x41\xe9"
    "\u00e9" "\U0001F600" "\ud800" "é" [1,2] [] {} $X$
"""


def agree(ours: Message | None, theirs: Message | None) -> bool:
    """Whether both refuse, or both accept with the same values."""
    return same(ours, theirs) if ours and theirs else ours is theirs


@pytest.mark.parametrize("field", [f.name for f in Everything.DESCRIPTOR.fields])
def test_values_are_what_protobuf_reads(field: str) -> None:
    texts = [f"{field}: {value}" for value in WRITTEN.split()]
    assert [text for text in texts if not agree(read_as(Everything, text), google_as(Everything, text))] == []


@pytest.mark.parametrize(
    "text", ["string_x: 'a' \"b\" # c\n 'd'", r"bytes_x: '\xff' '\377'", "message_x { } message_xs <>", ""]
)
def test_more_values_are_what_protobuf_reads(text: str) -> None:
    ours = read_as(Everything, text)
    assert ours is not None and agree(ours, google_as(Everything, text))


def test_what_only_the_cpp_parser_reads() -> None:
    """Caffe was built with the C++ parser; google's Python one knows none of these."""
    assert read_as(Everything, r"string_x: 'a\?'") == Everything(string_x="a?")
    assert read_as(Everything, "int32_x: - # minus\n 5") == Everything(int32_x=-5)
    assert read_as(Everything, "float_x: - inf") == Everything(float_x=float("-inf"))


@pytest.mark.parametrize("escape", [r"\z", r"\400", r"\xg", r"\u12", r"\ud800", r"\U00110000", r"\é"])
def test_what_is_no_escape(escape: str) -> None:
    assert messages(f'string_x: "a{escape}b"', Everything).startswith("net.prototxt:1:13: error E0109")


@given(random_messages(Everything))
@settings(max_examples=50)
def test_text_by_google_reads_back(message: Message) -> None:
    text = text_format.MessageToString(message)
    assert same(read_message(text, Everything, "x").message, message)


@given(random_messages(Everything))
@settings(max_examples=50)
def test_our_text_reads_back(message: Message) -> None:
    text = print_text(message)
    assert same(read_message(text, Everything, "x").message, message)
    assert same(text_format.Parse(text, Everything()), message)


@given(random_messages(NetParameter))
@settings(max_examples=25)
def test_nets_read_back(net: NetParameter) -> None:
    assert same(read_net(text_format.MessageToString(net), "x").message, net)
    assert same(text_format.Parse(print_text(net), NetParameter()), net)


def test_printed_text(golden: Golden) -> None:
    golden(print_text(read_net(NET, "net.prototxt").message))


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────


def messages(text: str, kind: type[Message] = NetParameter, lenient: Lenient = False) -> str:
    """What a user sees of a text's problems."""
    try:
        read_message(text, kind, "net.prototxt", lenient)
    except CompileError as error:
        return str(error)
    return "accepted"


def test_net_errors(golden: Golden) -> None:
    golden.table(messages)


def test_solver_errors(golden: Golden) -> None:
    golden.table(lambda text: messages(text, SolverParameter))


def test_text_that_is_not_utf8() -> None:
    with pytest.raises(CompileError, match="E0209"):
        read_net(b'# caf\xe9\nname: "caf\xe9"', "net.prototxt")


def test_a_message_by_itself_can_lack_fields() -> None:
    assert "E0206: a ClipParameter needs `min` and `max`" in messages("", ClipParameter)


def test_a_reporter_gets_the_problems_and_the_caller_the_rest() -> None:
    reporter = Reporter()
    bound = read_net('layer: 1 layer { nam: "a" bottom: "x" }', "net.prototxt", reporter=reporter)
    assert [d.code for d in reporter.diagnostics] == ["E0203", "E0201"]
    assert list(bound.message.layer[1].bottom) == ["x"]


def test_bytes_keep_what_is_not_utf8() -> None:
    bound = read_message(b'bytes_x: "caf\xe9"', Everything, "x")
    assert bound.message == Everything(bytes_x=b"caf\xe9")


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"field_{i}: 1 " for i in range(10_000)),
        "name: 'a' " * 10_000,
        "layer { nam: 1 } " * 6_000,
        'name: "' + "\\z" * 200_000 + '"',
        "input_dim: " + "9" * 200_000,
        "layer { include { min_level: 0x" + "f" * 200_000 + " } }",
        "layer { loss_weight: " + "9" * 200_000 + " nam: 0 }",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_hostile_texts_end_soon_in_a_diagnostic(text: str) -> None:
    start = time.process_time()
    with pytest.raises(CompileError) as caught:
        read_net(text, "net.prototxt")
    assert len(caught.value.diagnostics) <= MOST_PROBLEMS
    assert len(str(caught.value)) < 50_000
    assert time.process_time() - start < 5


# ── leniency ────────────────────────────────────────────────────────────────────────────────────────────

FOREIGN = """\
layer {
  type: "Mine"
  my_param { gain: 0.5 mode: FAST sizes: [1, 2] more { } more { } }
  my_flag: true
  convolution_param { num_output: 3 trick: 1 }
}
layer { type: "ReLU" }
"""


def test_layers_of_foreign_types_keep_their_fields() -> None:
    bound = read_net(FOREIGN, "net.prototxt", lenient=lambda layer_type: layer_type == "Mine")
    assert {path: [f.name for f in tree.fields] for path, tree in bound.extras.items()} == {
        ("layer", 0): ["my_param", "my_flag"],
        ("layer", 0, "convolution_param"): ["trick"],
    }
    assert bound.message.layer[0].convolution_param.num_output == 3
    assert str(bound.spans["layer", 0, "my_param", "gain"]) == "net.prototxt:3:20"


def test_foreign_fields_are_plain_values() -> None:
    text = "a: 3 b: -0x1F c: 0.5 d: true e: FAST f: 'x' \"\\n\" g: [1] h { a: 1 } h { } i: [] j: inf k: 1 k: 'y'"
    tree = read_net(text, "net.prototxt", lenient=True).extras[()]
    assert plain(tree) == {
        "a": 3, "b": -31, "c": 0.5, "d": True, "e": "FAST", "f": "x\n", "g": [1], "h": [{"a": 1}, {}], "i": [],
        "j": float("inf"), "k": [1, "y"],
    }  # fmt: skip


def test_foreign_fields_must_be_readable(golden: Golden) -> None:
    golden.table(lambda text: messages(text, lenient=True))


def test_layers_of_known_types_are_checked() -> None:
    text = FOREIGN.replace('"ReLU"', '"ReLU" my_param { }')
    assert messages(text, lenient=lambda layer_type: layer_type == "Mine").startswith("net.prototxt:7:22: error E0201")


def test_unknown_fields_print_again() -> None:
    bound = read_net(FOREIGN, "net.prototxt", lenient=True)
    printed = read_net(print_text(bound.message, bound.extras), "x", lenient=True)
    assert printed.message == bound.message
    assert print_text(printed.message, printed.extras) == print_text(bound.message, bound.extras)


# ── places ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def net() -> Bound[NetParameter]:
    return read_net(NET, "net.prototxt")


@pytest.mark.parametrize(
    ("path", "line", "text"),
    [
        (("name",), 1, '"net"'),
        (("input", 1), 2, '"more"'),
        (("layer", 0), 3, "layer"),
        (("layer", 0, "type"), 5, '"Convolution"'),
        (("layer", 0, "bottom"), 6, '"data"'),
        (("layer", 0, "bottom", 1), 6, '"more"'),
        (("layer", 0, "convolution_param"), 7, "convolution_param"),
        (("layer", 0, "convolution_param", "kernel_size", 1), 9, "3"),
        (("layer", 0, "convolution_param", "weight_filler", "type"), 10, '"xavier"'),
        (("layer", 1, "name"), 13, '"relu"'),
    ],
)
def test_places(net: Bound[NetParameter], path: tuple[str | int, ...], line: int, text: str) -> None:
    span = net.spans[path]
    assert (span.line, span.text[span.column - 1 : span.column - 1 + span.length]) == (line, text)


@pytest.mark.parametrize(
    "path", [("layer", 2), ("layer", -1), ("layer", 0, "top"), ("name", "x"), ("layer", 0, "bottom", 2), ()]
)
def test_places_that_are_not_in_the_text(net: Bound[NetParameter], path: tuple[str | int, ...]) -> None:
    assert path not in net.spans and net.spans.get(path) is None
    with pytest.raises(KeyError):
        net.spans[path]


def test_the_nearest_place(net: Bound[NetParameter]) -> None:
    nearest = net.spans.nearest(("layer", 0, "convolution_param", "bias_filler", "type"))
    assert nearest == net.spans["layer", 0, "convolution_param"]
    assert net.spans.nearest(("state", "phase")) is None
    assert Bound(NetParameter()).spans.nearest(("layer", 0)) is None


# ── real nets ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not ZOO.is_dir(), reason="needs the model zoo")
def test_nets_of_the_zoo_bind_where_protobuf_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind, "lifted", lambda net: net)  # which protobuf does not do
    files = [path for path in ZOO.rglob("*.prototxt*") if path.stat().st_size < 4_000]
    different = []
    for path in files:
        kind, text = SolverParameter if "solver" in path.name.lower() else NetParameter, path.read_text("utf-8")
        reporter = Reporter()
        ours = read_message(text, kind, "x", reporter=reporter)
        theirs = google_as(kind, text, unknown=bool(ours.extras))
        different += [path] * ((None if reporter.failed else ours.message) != theirs)
    assert len(files) > 50 and different == []
