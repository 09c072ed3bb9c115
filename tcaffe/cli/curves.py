"""What runs of training measured, read from files of metrics or from logs: numbers by iteration."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic

LONGEST_LINE = 1 << 20  # characters; a line that is longer is no measurement
MOST_CURVES = 200  # of a run: a net has a few outputs

PREFIX = r"[^\]\n]{0,200}\] "
NUMBER = r"([-+]?(?:nan|inf|\d{1,40}(?:\.\d{0,40})?(?:e[-+]?\d{1,4})?))"
AT = re.compile(rf"{PREFIX}Iteration (\d{{1,15}})(?: \([^)]*\))?, (loss|lr) = {NUMBER}", re.IGNORECASE)
TESTING = re.compile(rf"{PREFIX}Iteration (\d{{1,15}}), Testing net \(#(\d{{1,3}})\)")
OUTPUT = re.compile(
    rf"{PREFIX} *(Train|Test) net output #\d+: (.{{1,500}}?) = {NUMBER}(?: \(\* [^=]{{1,50}} = {NUMBER} loss\))?",
    re.IGNORECASE,
)
"""Lines of the original's log: where training is, which net is tested, a number of an output and what it counts."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which numbers a curve is of: an output, `loss` or `lr`, of the net that trains or (by number) of a test net."""

    name: str
    test: int | None = None

    @property
    def measure(self) -> str:
        """What is measured: "learning rate", "loss" or "output"."""
        if self.name == "lr":
            return "learning rate"
        return "loss" if "loss" in self.name.lower() else "output"


@dataclass
class Curve:
    """Numbers by iteration. Those of a run that went back to a snapshot replace what had followed it."""

    iterations: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, iteration: int, value: float) -> None:
        """One more number."""
        while self.iterations and self.iterations[-1] >= iteration:
            self.iterations.pop()
            self.values.pop()
        self.iterations.append(iteration)
        self.values.append(value)

    def smoothed(self, width: int) -> np.ndarray:
        """The mean of the `width` numbers around each, of fewer at the ends; what is not finite is left out."""
        values = np.pad(np.array(self.values), ((width - 1) // 2, width // 2), constant_values=np.nan)
        finite = np.isfinite(values)
        size = len(self.values)
        total, count = np.zeros(size), np.zeros(size)
        for shift in range(width):
            there = finite[shift : shift + size]
            total += np.where(there, values[shift : shift + size], 0)
            count += there
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass
class Run:
    """A run of training: its curves, and how many lines of its file look like measurements and cannot be read."""

    name: str
    curves: dict[Key, Curve] = field(default_factory=dict)
    unread: int = 0

    def add(self, key: Key, iteration: int, value: float) -> None:
        """One more measurement."""
        if key in self.curves or len(self.curves) < MOST_CURVES:
            self.curves.setdefault(key, Curve()).add(iteration, value)


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """A run for each file, called like the file, and as much of its path as tells it from the others."""
    runs, parts = [read_run(path) for path in paths], 1
    while parts < max(len(path.parts) for path in paths) and len({_tail(path, parts) for path in paths}) < len(paths):
        parts += 1
    for run, path in zip(runs, paths, strict=True):
        run.name = _tail(path, parts)
    return runs


def _tail(path: Path, parts: int) -> str:
    return "/".join(path.parts[-parts:])


def read_run(path: Path) -> Run:
    """What a file of metrics, or a log of the original's, tells; raises CompileError (E0625) if it tells nothing."""
    run = Run(path.name)
    log, cut = LogReader(run), False
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in _lines(file):
            run.unread += cut  # the last line may be cut off: it is being written
            cut = line.startswith("{") and not _take_json(line, run)
            log.take(line)
    _drop_twins(run)
    if not run.curves:
        note = "measurements are what `tcaffe train --metrics` writes, the original's log, and `tcaffe train --log`"
        raise CompileError([Diagnostic("E0625", f"`{path}` holds no measurements", note=note)])
    return run


def _take_json(line: str, run: Run) -> bool:
    """The numbers of a line of metrics, as far as they are known; whether it is one."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    iteration, test = record.get("iteration"), record.get("test_net", 0) if record.get("phase") == "test" else None
    if _whole(iteration) and (test is None or _whole(test)):
        for name, value in _numbers(record):
            run.add(Key(name, test), iteration, value)
    return True


def _numbers(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The outputs of a record, its loss and its rate. JSON says null for what is no number."""
    outputs = record.get("outputs")
    named = {**(outputs if isinstance(outputs, dict) else {}), **{n: record[n] for n in ("loss", "lr") if n in record}}
    for name, value in named.items():
        if value is None or isinstance(value, float) or _whole(value):
            yield name, math.nan if value is None else float(value)


class LogReader:
    """Reads lines of a log. The loss of a test is the sum of its losses, each times its weight."""

    def __init__(self, run: Run) -> None:
        self._run, self._iteration, self._net, self._loss = run, 0, 0, 0.0

    def take(self, line: str) -> None:
        """Take what a line tells, if it tells anything."""
        if found := TESTING.match(line):
            self._iteration, self._net, self._loss = int(found[1]), int(found[2]), 0.0
        elif found := AT.match(line):
            self._iteration = int(found[1])
            self._run.add(Key(found[2].lower()), self._iteration, float(found[3]))
        elif found := OUTPUT.match(line):
            self._output(found[2], float(found[3]), found[4], found[1].lower() == "test")

    def _output(self, name: str, value: float, weighted: str | None, test: bool) -> None:
        if test:
            self._run.add(Key(name, self._net), self._iteration, value)
            if weighted:
                self._loss += float(weighted)
                self._run.add(Key("loss", self._net), self._iteration, self._loss)
        elif name not in ("loss", "lr"):  # the loss of the whole net is told by itself
            self._run.add(Key(name), self._iteration, value)


def _drop_twins(run: Run) -> None:
    """Leave out a loss that is the sum of all, the net having no other."""
    for key in [key for key in run.curves if key.measure == "loss" and key.name != "loss"]:
        whole = run.curves.get(Key("loss", key.test))
        if whole and all(math.isclose(a, b, rel_tol=1e-4) or a != a for a, b in _pairs(whole, run.curves[key])):
            del run.curves[key]


def _pairs(one: Curve, other: Curve) -> Iterator[tuple[float, float]]:
    """The numbers of both curves at the iterations of the second."""
    known = dict(zip(one.iterations, one.values, strict=True))
    return ((known.get(at, math.inf), value) for at, value in zip(other.iterations, other.values, strict=True))


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a file; nothing of one that is too long."""
    while line := file.readline(LONGEST_LINE):
        if line.endswith("\n") or len(line) < LONGEST_LINE:
            yield line
            continue
        while len(line) == LONGEST_LINE and not line.endswith("\n"):
            line = file.readline(LONGEST_LINE)


def _whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**53
