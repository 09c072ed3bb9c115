"""Curves of training as a picture: a panel for the losses, one for other outputs, one for the learning rate."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from tcaffe.cli.curves import Curve, Key, Run
from tcaffe.cli.draw.markup import Markup, element, joined, void
from tcaffe.diagnostics import CompileError, Diagnostic, printable

FORMATS = (".png", ".svg", ".html")
MEASURES = ("loss", "output", "learning rate")
WIDTH, HEIGHT = 9.0, 3.0  # inches of a panel
LONGEST_LABEL = 60
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # matplotlib styles every line in place
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "tcaffe", "text.usetex": False, "path.simplify": True}
"""Text as text, the same bytes at every run, and no program that writes formulas."""


def picture(runs: Sequence[Run], kind: str, smooth: int = 1) -> bytes:
    """The curves of `runs` in one picture, of a kind in FORMATS.

    What is measured of batches is smoothed, and lies over its pale original; tests are means already. Raises
    CompileError (E0626) where matplotlib is not installed.
    """
    library = _matplotlib()
    with library.rc_context(STYLE):
        figure = _figure(library, runs, smooth)
        out = io.BytesIO()
        if kind == ".png":
            figure.savefig(out, format="png", dpi=120)
        else:
            figure.savefig(out, format="svg", metadata={"Date": None})
    return _page(runs, out.getvalue().decode()).encode() if kind == ".html" else out.getvalue()


def _figure(library: ModuleType, runs: Sequence[Run], smooth: int) -> Any:
    measures = [m for m in MEASURES if any(key.measure == m for run in runs for key in run.curves)]
    figure = library.figure.Figure(figsize=(WIDTH, HEIGHT * len(measures)), layout="constrained")
    panels = figure.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
    for measure, panel in zip(measures, panels, strict=True):
        drawn = list(_curves(runs, measure))
        for number, (run, key, curve) in enumerate(drawn):
            colour = f"C{(runs.index(run) if len(runs) > 1 else number) % 10}"
            width = smooth if key.test is None and measure != "learning rate" else 1
            _draw(panel, curve, width, colour, _dash(run, key), _label(run, key, len(runs) > 1))
        panel.set_ylabel(_title(measure, [key for _, key, _ in drawn]))
        panel.grid(alpha=0.3)
        panel.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    panels[-1].set_xlabel("iteration")
    return figure


def _curves(runs: Sequence[Run], measure: str) -> Iterator[tuple[Run, Key, Curve]]:
    """The curves of a panel: run by run, training before tests."""
    for run in runs:
        for key in sorted(run.curves, key=lambda key: -1 if key.test is None else key.test):
            if key.measure == measure:
                yield run, key, run.curves[key]


def _draw(panel: Any, curve: Curve, smooth: int, colour: str, dash: Any, label: str) -> None:
    style = {"color": colour, "linestyle": dash, "marker": "." if len(curve.values) == 1 else ""}
    if smooth > 1:
        panel.plot(curve.iterations, curve.values, alpha=0.25, linewidth=0.8, **style)
    panel.plot(curve.iterations, curve.smoothed(smooth), label=label, linewidth=1.4, **style)


def _dash(run: Run, key: Key) -> Any:
    """Solid lines for what trains, broken ones for tests; other outputs of one net are told apart by their dashes."""
    alike = [k for k in run.curves if k.measure == key.measure and k.test == key.test]
    gap = 2 * alike.index(key)
    if key.test is None:
        return "solid" if not gap else (0, (8, gap))
    return (0, (4 + 2 * key.test, 2 + gap))


def _label(run: Run, key: Key, named: bool) -> str:
    """What the legend says; `$` begins no formula, and `_` hides nothing."""
    net = "" if key.test is None else "test " if key.test == 0 else f"test {key.test} "
    name = "learning rate" if key.name == "lr" else key.name
    text = f"{run.name}: {net}{name}" if named else f"{net}{name}"
    short = printable(text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 3] + "...")
    return f"{' ' * short.startswith('_')}{short}".replace("$", r"\$")


def _title(measure: str, keys: Sequence[Key]) -> str:
    """What stands beside a panel."""
    if measure == "output" and all("acc" in key.name.lower() for key in keys):
        return "accuracy"
    return "other outputs" if measure == "output" else measure


def _page(runs: Sequence[Run], svg: str) -> str:
    """A page that loads nothing, with the picture in it."""
    title = f"{', '.join(printable(run.name) for run in runs[:4])}{' ...' if len(runs) > 4 else ''} · tcaffe"
    style = "body { margin: 1rem; background: white } svg { max-width: 100%; height: auto }"
    head = joined([
        void("meta", charset="utf-8"), void("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", title), element("style", Markup(style)),
    ])  # fmt: skip
    body = element("body", Markup(svg[svg.index("<svg") :]))
    return "<!doctype html>\n" + element("html", element("head", head), body, lang="en") + "\n"


def _matplotlib() -> ModuleType:
    """The optional library, loaded when a picture is drawn."""
    try:
        import matplotlib.figure
    except ImportError as error:
        message = "drawing curves needs matplotlib"
        raise CompileError([Diagnostic("E0626", message, suggestion="pip install 'tcaffe[viz]'")]) from error
    library: ModuleType = matplotlib
    return library
