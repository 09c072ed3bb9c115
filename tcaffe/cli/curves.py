"""Curves of a training: read from measurements or from the original's log, drawn as a picture or a page."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic

LARGEST = 2**29  # bytes of a log
ITERATION = re.compile(r"Iteration (\d+)\b")
LOSS = re.compile(r"Iteration \d+.*?, loss = (\S+)")
RATE = re.compile(r"Iteration \d+, lr = (\S+)")
OUTPUT = re.compile(r"(Train|Test) net output #\d+: (\S+) = (\S+)")
TEST = re.compile(r"Iteration \d+, Testing net \(#(\d+)\)")
SIZE = (8, 3)  # inches of one panel


@dataclass
class Run:
    """One training: its curves by name, each the iterations and the values at them."""

    name: str
    curves: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)

    def add(self, curve: str, iteration: int, value: object) -> None:
        """One more point, unless the value is no number."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            xs, ys = self.curves.setdefault(curve, ([], []))
            xs.append(iteration)
            ys.append(float(value))


def read_run(path: Path) -> Run:
    """The curves in a file of measurements, a JSON object a line, or in a log of the original's form.

    A line that was being written when the training ended is left out. Raises CompileError (E0809) for other files.
    """
    if path.stat().st_size > LARGEST:
        raise CompileError([Diagnostic("E0809", f"`{path}` is larger than any log: {path.stat().st_size} bytes")])
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    run = Run(path.stem)
    if next((line for line in lines if line.strip()), "").lstrip().startswith("{"):
        for line in lines:
            _measured(run, line)
    else:
        _logged(run, lines)
    if not run.curves:
        note = "--metrics of `tcaffe train` writes one, and so does --log, to stderr"
        raise CompileError([Diagnostic("E0809", f"there are no measurements of a training in `{path}`", note=note)])
    return run


def _measured(run: Run, line: str) -> None:
    """A line of measurements."""
    try:
        record = json.loads(line)
        iteration = int(record["iteration"])
        test = f"test {record.get('test_net', 0)} " if record.get("phase") == "test" else "train "
        run.add(f"{test}loss", iteration, record.get("loss"))
        run.add("lr", iteration, record.get("lr"))
        for name, value in record.get("outputs", {}).items():
            if name != "loss":
                run.add(f"{test}{name}", iteration, value)
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _logged(run: Run, lines: Sequence[str]) -> None:
    """All lines of a log."""
    iteration, number = 0, "0"
    for line in lines:
        if found := ITERATION.search(line):
            iteration = int(found[1])
        if found := TEST.search(line):
            number = found[1]
        if found := LOSS.search(line):
            run.add("train loss", iteration, _number(found[1]))
        if found := RATE.search(line):
            run.add("lr", iteration, _number(found[1]))
        for phase, name, value in OUTPUT.findall(line):
            if phase == "Test":
                run.add(f"test {number} {name}", iteration, _number(value))
            elif name != "loss":
                run.add(f"train {name}", iteration, _number(value))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def smoothed(values: Sequence[float], weight: float) -> np.ndarray:
    """Each value mixed with those before it: `weight` of the mean so far and the rest of its own."""
    result = np.array(values, np.float64)
    mean, total = 0.0, 0.0
    for k, value in enumerate(result):
        mean, total = weight * mean + (1 - weight) * value, weight * total + (1 - weight)
        result[k] = mean / total
    return result


def draw(runs: Sequence[Run], target: Path, smooth: float) -> None:
    """Write a picture (.png, .svg, .pdf) or a page (.html) with a panel for each kind of curve.

    Raises CompileError (E0809) without matplotlib, and for endings it does not know; OSError.
    """
    kind = target.suffix.lstrip(".").lower()
    figure = _figure(runs, smooth)
    if kind == "html":
        target.write_text(_page(figure, runs), encoding="utf-8")
        return
    if kind not in figure.canvas.get_supported_filetypes():
        known = ", ".join(sorted([*figure.canvas.get_supported_filetypes(), "html"]))
        raise CompileError([Diagnostic("E0809", f"curves cannot be drawn as `{target.name}`", note=f"but as {known}")])
    figure.savefig(target, dpi=150)


def _figure(runs: Sequence[Run], smooth: float) -> Any:
    panels = dict(_panels(runs))
    figure = _matplotlib().Figure(figsize=(SIZE[0], SIZE[1] * len(panels)), layout="constrained")
    for axes, (title, curves) in zip(np.ravel(figure.subplots(len(panels))), panels.items(), strict=True):
        for run, curve in curves:
            xs, ys = run.curves[curve]
            label = curve if len(runs) == 1 else f"{run.name}: {curve}"
            dotted = "o-" if curve.startswith("test") else "-"
            axes.plot(xs, smoothed(ys, smooth), dotted, label=label, markersize=3, linewidth=1.2)
        axes.set(title=title, xlabel="iteration")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    return figure


def _panels(runs: Sequence[Run]) -> Iterator[tuple[str, list[tuple[Run, str]]]]:
    """Curves by what they show: all losses together, then each output, then the rate."""
    names = dict.fromkeys(curve.split()[-1] for run in runs for curve in run.curves)
    order = sorted(names, key=lambda name: (name != "loss", name == "lr"))
    for name in order:
        yield name, [(run, curve) for run in runs for curve in run.curves if curve.split()[-1] == name]


def _page(figure: Any, runs: Sequence[Run]) -> str:
    """A page that needs nothing else: the picture, and the last values as a table."""
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    picture = base64.b64encode(file.getvalue()).decode()
    rows = "".join(
        f"<tr><td>{escape(run.name)}<td>{escape(curve)}<td>{xs[-1]}<td>{ys[-1]:.6g}"
        for run in runs
        for curve, (xs, ys) in run.curves.items()
    )
    title = escape(", ".join(run.name for run in runs))
    return (
        f"<!doctype html><meta charset='utf-8'><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
        f"<img alt='curves' src='data:image/svg+xml;base64,{picture}'>"
        f"<table><tr><th>run<th>curve<th>iteration<th>last value{rows}</table>\n"
    )


STYLE = "body{font:14px sans-serif;margin:2em}img{max-width:100%}td,th{padding:.2em .8em;text-align:left}"


def _matplotlib() -> ModuleType:
    """The optional library, loaded when the first curve is drawn; figures of their own need no display."""
    try:
        from matplotlib import figure
    except ImportError as error:
        message = "drawing curves needs matplotlib"
        raise CompileError([Diagnostic("E0809", message, suggestion="pip install 'tcaffe[viz]'")]) from error
    module: ModuleType = figure
    return module


