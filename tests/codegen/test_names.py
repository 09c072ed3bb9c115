"""Names and words of strangers do no harm in emitted source."""

from __future__ import annotations

import ast
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcaffe.codegen.names import MAX_COMMENT, MAX_NAME, RESERVED, comment, identifier
from tcaffe.diagnostics import Span
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import naming
from tcaffe.runtime.guard import check_source
from tests.codegen.run import check

HOSTILE = [
    '"); import os; ("',
    '"""\nimport os\n"""',
    "\\",
    "a\nb",
    "名前",
    "",
    "__import__",
    "lambda",
    "np",
    "pool",
    "x" * 500,
]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("conv1", "conv1"),
        ("inception_3a/1x1", "inception_3a_1x1"),
        ("5x5", "v5x5"),
        ("Data", "data"),
        ("", "value"),
        ("for", "for_2"),
        ("np", "np_2"),
        ('"); import os; ("', "import_os"),
    ],
)
def test_identifiers_stay_readable(name: str, found: str) -> None:
    assert identifier(name) == found


@given(st.lists(st.text(max_size=80) | st.sampled_from(HOSTILE), max_size=8))
def test_identifiers_are_harmless_and_unique(names: list[str]) -> None:
    taken: list[str] = []
    for name in names:
        taken.append(identifier(name, taken))
    assert len(set(taken)) == len(names)
    for name in taken:
        assert name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and name not in RESERVED
        assert len(name) <= MAX_NAME + 8


@given(st.text() | st.sampled_from(HOSTILE))
def test_comments_stay_on_their_line(text: str) -> None:
    said = comment(text)
    assert len(said) <= MAX_COMMENT and said.isprintable() and said.isascii()
    assert ast.literal_eval(f'"""{said}."""') == f"{said}."
    assert len(ast.parse(f"x = 1  # {said}").body) == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_a_net_of_hostile_names_is_just_a_net(name: str) -> None:
    x = ops.input_(shape=(1, 2, 4, 4), name=f"{name}.in")
    with naming(name, Span("net.prototxt", 3)):
        w, b = ops.param(shape=(2, 2, 3, 3), name=f"{name}.w"), ops.param(shape=(2,), name=f"{name}.b")
        y = ops.conv(x, w, stride=(1, 1), pad=(1, 1), dilation=(1, 1))
        y = ops.maximum(y + ops.broadcast(b, axes=(1,), shape=y.shape), 0.0)
    source = check(Graph(name, {f"{name}.out": y.named(f"{name}.out")}))
    assert len(check_source(source).body) == 3  # a docstring, an import, a function
