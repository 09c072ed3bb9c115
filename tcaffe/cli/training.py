"""What `tcaffe train` shows and hears: progress, log lines, a file of measurements, signals."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tcaffe.cli import screen
from tcaffe.diagnostics import printable
from tcaffe.train.report import shown
from tcaffe.train.solver import Action

EFFECTS = ("stop", "snapshot", "none")


class Signals:
    """The signals that came since somebody last asked, as what they are to do. A second Ctrl-C ends at once."""

    def __init__(self, effects: Mapping[int, Action]) -> None:
        self._effects, self._came = effects, deque[Action]()

    def poll(self) -> Action:
        """The next thing to do."""
        return self._came.popleft() if self._came else "none"

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals while the body runs."""
        before = {number: signal.signal(number, self._take) for number in self._effects}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: object) -> None:
        if number == signal.SIGINT and "stop" in self._came:
            raise KeyboardInterrupt
        self._came.append(self._effects[number])


class Log:
    """The lines of the original's log, with its prefix, on stderr: what its scripts parse."""

    def __init__(self, file: str = "solver.cpp") -> None:
        self._file = file

    def __call__(self, line: str) -> None:
        """Write a line."""
        now = datetime.now()
        click.echo(f"I{now:%m%d %H:%M:%S.%f} {threading.get_native_id()} {self._file}:1] {line}", err=True)


class Metrics:
    """Measurements, a JSON object a line, each with the seconds since training began."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = path.open("a", buffering=1, encoding="utf-8") if path else None
        self._start = datetime.now()

    def write(self, record: dict[str, Any]) -> None:
        """Append a record."""
        if self._file:
            seconds = round((datetime.now() - self._start).total_seconds(), 3)
            self._file.write(json.dumps(screen.finite({**record, "seconds": seconds})) + "\n")

    def close(self) -> None:
        """Make sure that all of it is on the disk."""
        if self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


class Progressing:
    """A bar on a terminal with iteration, loss, rate, speed and what is left; in a pipe, a line a measurement.

    An iteration has so many `items`, such as images.
    """

    def __init__(self, total: int, done: int, items: int) -> None:
        self._items = items
        console = screen.console(stderr=True)
        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}", markup=False), TimeRemainingColumn(),
        )  # fmt: skip
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("training", total=total, completed=done, facts="")
        self._rate = 0.0

    @contextmanager
    def visible(self) -> Iterator[None]:
        """Show the bar while the body runs."""
        with self._bar:
            yield

    def tick(self, iteration: int, loss: float) -> None:
        """An iteration is done."""
        speed = self._bar.tasks[0].speed
        facts = f"loss {shown(loss)}  lr {shown(self._rate)}  {f'{speed * self._items:.0f} items/s' if speed else ''}"
        self._bar.update(self._task, completed=iteration, facts=facts)

    def tell(self, record: Mapping[str, Any]) -> None:
        """Print a measurement as one line."""
        self._rate = record.get("lr", self._rate)
        shown_already = record["loss"] if record["phase"] == "train" else None
        told = {name: value for name, value in record["outputs"].items() if value != shown_already}
        outputs = "  ".join(f"{name} {_number(value)}" for name, value in told.items())
        if record["phase"] == "test":
            line = f"iteration {record['iteration']}  test {record['test_net']}  {outputs}"
        else:
            line = f"iteration {record['iteration']}  loss {shown(record['loss'])}  lr {shown(record['lr'])}  {outputs}"
        self._bar.console.print(printable(line.rstrip()), soft_wrap=True, markup=False)


def _number(value: Any) -> str:
    return shown(value) if isinstance(value, float) else "[...]"
