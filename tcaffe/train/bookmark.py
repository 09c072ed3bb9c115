"""Bookmarks: where data and random numbers stand, beside the snapshot whose training they are of.

A snapshot as Caffe knows it holds parameters and what the rule remembers. With its bookmark training goes on as if it
had never been interrupted: with the same records, crops and dropped numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights import write_whole

FORMAT = 1
LARGEST = 2**26  # bytes: the state of recurrent layers is all that is larger than a line


@dataclass(frozen=True)
class Place:
    """Where one net stands: the seed of its random numbers and how often they were drawn, the seed and the position of
    each of its feeds, and the numbers it carries from pass to pass, by name.
    """

    seed: int
    draws: int
    feeds: tuple[tuple[int, int], ...]
    state: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Bookmark:
    """Where a training stands after so many iterations: its net, and its test nets."""

    iteration: int
    train: Place
    tests: tuple[Place, ...]


def bookmark_path(state: str | os.PathLike[str]) -> Path:
    """The file of the bookmark that belongs to a solver's state."""
    path = Path(state)
    stem = path.name.removesuffix(".h5").removesuffix(".solverstate")
    return path.with_name(f"{stem}.bookmark.json")


def write_bookmark(path: Path, bookmark: Bookmark) -> None:
    """Write a bookmark, whole or not at all; raises OSError."""
    text = json.dumps({"format": FORMAT, **asdict(bookmark)})
    write_whole(path, lambda staging: staging.write_text(text, encoding="utf-8"))


def read_bookmark(path: Path) -> Bookmark | None:
    """The bookmark in a file, None where there is no file; raises CompileError (E0808) for one that is none."""
    if not path.exists():
        return None
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has {path.stat().st_size} bytes")
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"it is of format {found['format']!r}, this version reads {FORMAT}")
        return Bookmark(int(found["iteration"]), _place(found["train"]), tuple(map(_place, found["tests"])))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CompileError([Diagnostic("E0808", f"`{path}` is no bookmark: {error}")]) from error


def _place(found: Any) -> Place:
    feeds = tuple((int(seed), int(position)) for seed, position in found["feeds"])
    if any(number < 0 for feed in feeds for number in feed):
        raise ValueError(f"a feed is at {feeds}")
    state = {str(name): [float(v) for v in values] for name, values in found["state"].items()}
    return Place(int(found["seed"]), int(found["draws"]), feeds, state)
