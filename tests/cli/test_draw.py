from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

EVIL = ["<script>alert(1)</script>", '"onload="x', "</title><b>", "a&#38;b", '\\"];x[', "‮evil\n\x1b", "' ; --"]


ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\x1b": "\\x1b"})
SHAPE = "input_param { shape { dim: 1 dim: 2 } }"
TWO = "inner_product_param { num_output: 2 }"
DOT = r"""digraph S \{
  node \[shape=box, style=S, fontname=S\];
(  n\d+ (\[label=S, fillcolor=S\]|-> n\d+ \[tooltip=S\]);
)+\}
"""


class Page(HTMLParser):
    """What a browser would make of a page."""

    VOID = {"meta", "rect", "line", "path"}

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for found, attrs in self.elements if found == tag]


@pytest.fixture
def draw(cli, tmp_path: Path):
    def drawn(net: str, name: str = "page.html", *options: object) -> str:
        result = cli("draw", net, "-o", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
        return (tmp_path / name).read_text("utf-8")

    return drawn


@pytest.fixture
def evil(tmp_path: Path) -> str:
    """A net whose names would all like to be something else."""
    names = [name.translate(ESCAPES) for name in EVIL]
    layers = [f'name: "</style><svg onload=x>" layer {{ name: "in" type: "Input" top: "{names[0]}" {SHAPE} }}']
    for bottom, top in pairwise(names):
        layers.append(f'layer {{ name: "{top}" type: "InnerProduct" bottom: "{bottom}" top: "{top}" {TWO} }}')
    path = tmp_path / "evil.prototxt"
    path.write_text("\n".join(layers), "utf-8")
    return str(path)


def test_the_page_is_whole(draw, net) -> None:
    page = Page(draw(net))
    assert page.open == []
    assert page.texts["h1"] == ["tiny"]
    assert page.texts["h2"] == ["Layers and kernels", "Memory over time", "At the peak", "Graph", "Kernels"]
    rows = [attrs for attrs in page.all("tr") if "data-k" in attrs]
    boxes = [attrs for attrs in page.all("g") if "data-k" in attrs]
    assert len(rows) == len(boxes) == 4
    assert "Convolution + BatchNorm + Scale + ReLU" in page.texts["td"]


def test_the_page_loads_nothing(draw, net) -> None:
    text = draw(net)
    page = Page(text)
    assert not re.search(r"https?:|@import|url\((?!#)", text)
    assert not {"link", "img", "iframe", "object", "base", "form", "a"} & {tag for tag, _ in page.elements}
    assert not any(name in ("src", "href", "style") or name.startswith("on") for _, a in page.elements for name in a)


def test_the_browser_runs_our_script_and_no_other(draw, evil) -> None:
    page = Page(draw(evil))
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        assert len(page.all(tag)) == 1
        digest = base64.b64encode(hashlib.sha256("".join(page.texts[tag]).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_names_are_only_ever_text(draw, net, evil) -> None:
    harmless, page = Page(draw(net)), Page(draw(evil, "evil.html"))
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in harmless.elements}
    assert {name for _, a in page.elements for name in a} <= {name for _, a in harmless.elements for name in a}
    shown = " ".join(page.texts["text"] + page.texts["td"] + page.texts["b"])
    assert "<script>alert(1)</script>" in shown
    assert "\x1b" not in shown and "‮" not in shown


def test_dot(draw, golden, net) -> None:
    text = draw(net, "graph.dot")
    golden(re.sub(r"\\n(\w+ · )?[\d.]+ ?[KM]?FLOP", "", text))


def test_names_in_dot_are_strings(draw, evil) -> None:
    text = draw(evil, "evil.dot")
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "S", text)
    assert re.fullmatch(DOT, outside)


def test_an_elided_concatenation_has_a_box(draw, tmp_path: Path) -> None:
    path = tmp_path / "concat.prototxt"
    size = "convolution_param {{ num_output: 4 kernel_size: {2} pad: {3} }}"
    conv = f'layer {{{{ name: "{{0}}" type: "Convolution" bottom: "{{1}}" top: "{{0}}" {size} }}}}\n'
    path.write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
        + conv.format("p", "x", 3, 1)
        + conv.format("q", "p", 5, 2)
        + 'layer { name: "both" type: "Concat" bottom: "p" bottom: "q" top: "both" }\n'
        + conv.format("r", "both", 3, 1)
    )
    page = Page(draw(str(path)))
    assert "concat, elided" in page.texts["text"]


def test_only_two_kinds_of_files(cli, net) -> None:
    assert cli("draw", net, "-o", "x.png").exit_code == 2
