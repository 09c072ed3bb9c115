"""The page: everything there is to see of a compiled net, in one HTML file that needs no other."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from tcaffe.cli.cost import flops
from tcaffe.cli.draw.flow import KINDS, algorithm, flow_of, kind_of, kinds, shape_of
from tcaffe.cli.draw.graph_picture import graph_picture
from tcaffe.cli.draw.markup import Markup, element, joined, void
from tcaffe.cli.draw.memory_picture import live_bytes, memory_picture
from tcaffe.cli.units import bytes_, count, percent, ratio
from tcaffe.ir.program import Kernel, MemoryPlan, Program

POINT = "Point at a buffer, or tap it, to see what it holds and for how long."


@dataclass(frozen=True, slots=True)
class Subject:
    """A planned program and what the page says about where it comes from.

    `layers` are, for each kernel, the types of its layers; `counts` a line a layer type: name, layers, kernels, and
    what became of the others.
    """

    program: Program
    plan: MemoryPlan
    layers: Sequence[Sequence[str]]
    counts: Sequence[tuple[str, int, int, str]]
    weights: int
    macs: int


def html_page(subject: Subject) -> str:
    """The page as text. It loads nothing, and says so to the browser, which would refuse it."""
    style, script = _asset("page.css"), _asset("page.js")
    name = subject.program.name
    head = joined(
        [
            void("meta", charset="utf-8"),
            void("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
            void("meta", name="viewport", content="width=device-width, initial-scale=1"),
            void("meta", name="color-scheme", content="light dark"),
            element("title", f"{name} · tcaffe"),
            element("style", style),
        ]
    )
    body = [element("header", element("h1", name), _facts(subject)), *_sections(subject), element("script", script)]
    return "<!doctype html>\n" + element("html", element("head", head), element("body", *body), lang="en") + "\n"


def _policy(style: Markup, script: Markup) -> str:
    """Nothing but this very style and this very script."""
    return f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> Markup:
    return Markup(resources.files(__package__).joinpath(name).read_text("utf-8"))


def _sections(subject: Subject) -> Iterable[Markup]:
    program, plan = subject.program, subject.plan
    yield _section("Layers and kernels", "What each type of layer became.", _layers(subject))
    yield _section(
        "Memory over time",
        "Every buffer where it lies in the arena, for as long as it lives.",
        _scrolled(memory_picture(program, plan)),
        element("p", POINT, class_="info", id="info", aria_live="polite"),
        _legend([*kinds(program).values()]),
    )
    yield _section("At the peak", _peak_words(program, plan), _peak_table(plan))
    flow = flow_of(program, subject.layers)
    yield _section(
        "Graph",
        "A box is a kernel: one function, whatever layers it is made of.",
        _scrolled(graph_picture(flow), "tall"),
        _legend([box.kind for box in flow.boxes]),
    )
    yield _section("Kernels", "In the order they run.", _scrolled(_kernels(subject), "tall"))


def _section(title: str, words: str, *parts: Markup) -> Markup:
    return element("section", element("h2", title), element("p", words, class_="words"), *parts)


def _scrolled(inner: Markup, kind: str = "") -> Markup:
    return element("div", inner, class_=f"scroll {kind}".strip(), tabindex=0)


# ── the head ────────────────────────────────────────────────────────────────────────────────────────────


def _facts(subject: Subject) -> Markup:
    """The few numbers that matter, and the three sizes as bars."""
    plan, program = subject.plan, subject.program
    layers = sum(line[1] for line in subject.counts)
    cards = [
        _card("kernels", str(len(program.kernels)), f"from {layers} layers"),
        _card("arena", bytes_(plan.size), _verdict(plan)),
        _card("weights", bytes_(subject.weights), "as the kernels read them"),
        _card("work", f"{count(subject.macs)}MAC", "multiply-adds a run"),
    ]
    shapes = ", ".join(f"{node.name} {shape_of(node)}" for node in program.inputs)
    outputs = ", ".join(f"{name} {shape_of(node)}" for name, node in program.outputs.items())
    return joined(
        [
            element("p", f"{shapes} → {outputs}", class_="words"),
            element("div", *cards, class_="cards"),
            element("div", *_bars(plan), class_="bars"),
            element("p", _certificate(plan), class_="words"),
        ]
    )


def _card(label: str, number: str, words: str) -> Markup:
    parts = (element("span", label, class_="label"), element("strong", number), element("span", words))
    return element("div", *parts, class_="card")


def _bars(plan: MemoryPlan) -> Iterable[Markup]:
    whole = max(plan.naive, plan.size, 1)
    for label, size, kind in (
        ("a buffer for each blob", plan.naive, "naive"),
        ("planned arena", plan.size, "arena"),
        ("lower bound", plan.lower_bound, "least"),
    ):
        bar = void("rect", width=f"{100 * size / whole:.2f}%", height="100%", rx=2)
        drawn = element("svg", bar, class_=f"bar {kind}", role="presentation")
        number = element("span", bytes_(size), class_="number")
        yield element("div", element("span", label), drawn, number, class_="row")


def _verdict(plan: MemoryPlan) -> str:
    return "optimal" if plan.certificate == "optimal" else plan.certificate


def _certificate(plan: MemoryPlan) -> str:
    saved = f", {ratio(plan.naive, plan.size)} less than a buffer for each blob" if plan.naive > 1.1 * plan.size else ""
    if plan.certificate == "optimal":
        return (
            f"The arena is {plan.size:,} bytes{saved}. That is the lower bound, the bytes live at once at the busiest "
            "moment: no placement can do with fewer. That no two live buffers overlap was checked apart."
        )
    return (
        f"The arena is {plan.size:,} bytes{saved}. At the busiest moment {plan.lower_bound:,} bytes are live, and no "
        f"placement can do with fewer ({plan.certificate}). That no two live buffers overlap was checked apart."
    )


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────


def _layers(subject: Subject) -> Markup:
    rows = [(kind, str(layers), str(kernels), words) for kind, layers, kernels, words in subject.counts]
    sums = ("all", str(sum(c[1] for c in subject.counts)), str(len(subject.program.kernels)), "")
    return _scrolled(_table(("type", "#layers", "#kernels", "the others"), [*rows, sums], "counts"))


def _peak_words(program: Program, plan: MemoryPlan) -> str:
    if not program.kernels:
        return "Nothing runs."
    peak = plan.peak
    return f"Most bytes are live while {program.kernels[peak].name} runs, kernel number {peak}."


def _peak_table(plan: MemoryPlan) -> Markup:
    peak = plan.peak
    live = sorted((b for b in plan.buffers if b.start <= peak < b.end), key=lambda b: (-b.size, b.offset))
    rows = [
        (b.name, bytes_(b.size), percent(b.size, plan.size), f"{b.offset:#x}", f"{b.start} to {b.end - 1}")
        for b in live
    ]
    return _scrolled(_table(("buffer", "#bytes", "#of the arena", "#offset", "#kernels"), rows))


def _kernels(subject: Subject) -> Markup:
    program = subject.program
    live = live_bytes(subject.plan, max(len(program.kernels), max((b.end for b in subject.plan.buffers), default=0)))
    columns = ("#no", "kernel", "layers", "algorithm", "output", "#FLOP", "#stores", "#scratch", "#live")
    head = element("tr", *map(_head, columns))
    rows = [_kernel_row(k, kernel, subject.layers[k], live[k]) for k, kernel in enumerate(program.kernels)]
    return element("table", element("thead", head), element("tbody", *rows), class_="kernels")


def _kernel_row(index: int, kernel: Kernel, layers: Sequence[str], live: int) -> Markup:
    stores = sum(v.type.nbytes for v in kernel.outputs)
    scratch = sum(s.type.nbytes for s in kernel.scratch)
    work = flops(kernel.nodes)
    texts = (" + ".join(layers), algorithm(kernel), " ".join(map(shape_of, kernel.outputs)))
    numbers = (count(work) if work else "", bytes_(stores), bytes_(scratch) if scratch else "", bytes_(live))
    return element(
        "tr",
        element("td", str(index), class_="n"),
        element("td", element("b", kernel.name, class_=f"k-{kind_of(kernel)}"), title=kernel.name),
        *(element("td", text, title=text) for text in texts),
        *(element("td", text, class_="n") for text in numbers),
        data_k=index,
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> Markup:
    """A table; a heading that begins with # stands over numbers."""
    sides = ["n" if column.startswith("#") else "t" for column in columns]
    body = [
        element("tr", *(element("td", cell, class_=side) for cell, side in zip(row, sides, strict=True)))
        for row in rows
    ]
    return element("table", element("thead", element("tr", *map(_head, columns))), element("tbody", *body), class_=kind)


def _head(column: str) -> Markup:
    """The heading of a column."""
    return element("th", column.lstrip("#"), class_="n" if column.startswith("#") else "t")


def _legend(present: Sequence[str]) -> Markup:
    shown = [kind for kind in KINDS if kind in present]
    return element("p", *(element("span", KINDS[kind], class_=f"key k-{kind}") for kind in shown), class_="legend")
