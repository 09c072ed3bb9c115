"""Read handwriting with a compiled LeNet: real digits, weights trained by the original Caffe, one arena of memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import digits
import numpy as np
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import tcaffe

HERE = Path(__file__).parent
NET = HERE / "deploy.prototxt"
WEIGHTS = HERE / "lenet_digits.caffemodel"
PAGE = HERE / "out" / "lenet.html"
TOLERANCE = 1e-4  # between our probabilities and those the original Caffe computed, absolute
SHADES = " ░▒▓█"

Result = TypeVar("Result")


def main() -> int:
    """Compile, classify, compare, draw; exit status 1 if the probabilities are not the original's."""
    console = Console()
    scans, labels = (part[digits.TRAINING :] for part in digits.load())
    pictures = digits.enlarge(scans)
    exe, compiled_in = timed(lambda: tcaffe.compile(NET, WEIGHTS, inputs={"data": pictures.shape}))
    exe(data=pictures)
    result, ran_in = timed(lambda: exe(data=pictures))
    prob = result["prob"]
    error = float(np.abs(prob - recorded()).max())

    console.rule("Eight of the digits, as the network reads them")
    console.print(Columns([picture(scans[k], labels[k], prob[k]) for k in worth_seeing(labels, prob)]))
    console.print(figures(labels, prob, error, compiled_in, ran_in))
    console.print(memory(exe))
    draw()
    console.print(f"\nOpen in a browser: [bold]{shown(PAGE)}[/]")
    console.print(NEXT, highlight=False)
    return 0 if error <= TOLERANCE else 1


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What `work` returns, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def recorded() -> np.ndarray:
    """The probabilities the original Caffe computed for the same digits, float32 [297, 10]."""
    with np.load(HERE / "lenet_digits_prob.npz") as file:
        return file["prob"]


def worth_seeing(labels: np.ndarray, prob: np.ndarray) -> list[int]:
    """Six digits read rightly and two read wrongly: nobody should trust a demo without mistakes."""
    right = prob.argmax(axis=1) == labels
    return [*np.flatnonzero(right)[:6].tolist(), *np.flatnonzero(~right)[:2].tolist()]


def picture(scan: np.ndarray, label: int, prob: np.ndarray) -> Panel:
    """A scan in block characters, with the class it was given and how sure that was."""
    rows = ["".join(2 * SHADES[pixel // 4] for pixel in row) for row in scan.tolist()]
    best = int(prob.argmax())
    verdict = f"{best}" if best == label else f"{best}, is {label}"
    style = "green" if best == label else "red"
    return Panel(Text("\n".join(rows)), title=verdict, subtitle=f"{prob[best]:.0%}", style=style, width=18, padding=0)


def figures(labels: np.ndarray, prob: np.ndarray, error: float, compiled_in: float, ran_in: float) -> Table:
    """How well and how fast."""
    right = int((prob.argmax(axis=1) == labels).sum())
    verdict = "[green]the same[/]" if error <= TOLERANCE else "[red]NOT the same[/]"
    rate = len(labels) / ran_in
    return facts(
        "Reading 297 digits of writers the network never saw",
        ("accuracy", f"{right} of {len(labels)}, {right / len(labels):.1%} (the original Caffe: 92.9%)"),
        ("against the original", f"{verdict} probabilities: {error:.1e} apart ({TOLERANCE:.0e} allowed)"),
        ("time", f"{compiled_in:.2f} s to compile, {ran_in * 1e3:.1f} ms to run: {rate:,.0f} digits/s"),
    )


def memory(exe: tcaffe.Executable) -> Table:
    """What became of the layers and of the memory."""
    assert exe.program is not None  # only one loaded from a bundle has none
    kernels = [kernel.name for kernel in exe.program.kernels]
    return facts(
        "What the compiler made of it",
        ("kernels", f"{len(kernels)}: {', '.join(kernels)}"),
        ("arena", f"{exe.plan.size:,} bytes hold every activation and all working space"),
        ("certificate", f"{exe.plan.certificate}: no plan can be below {exe.plan.lower_bound:,} bytes"),
    )


def facts(title: str, *rows: Sequence[str]) -> Table:
    """A small table of names and what there is to say of each."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*row)
    return table


def draw() -> None:
    """Write the HTML page, as `tcaffe draw` does for any net."""
    PAGE.parent.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "tcaffe.cli", "draw", NET, "-o", PAGE], check=True, stdout=subprocess.DEVNULL)


def shown(path: Path) -> str:
    """`path` as a user at the top of the repository would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


NEXT = f"""
Next:
  source .venv/bin/activate && cd {shown(HERE)}
  tcaffe compile {NET.name}    how layers became kernels
  tcaffe plan {NET.name}       where memory peaks, before anything runs
  tcaffe check {NET.name}      the compiled net against a slow, plain one
"""

if __name__ == "__main__":
    sys.exit(main())
