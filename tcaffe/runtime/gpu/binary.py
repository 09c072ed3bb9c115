"""Binaries: compiled kernels, and the files that they are kept in from one run to the next."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

FORMAT = 1  # of the files: those of another one are compiled anew


@dataclass(frozen=True, slots=True)
class Job:
    """What is compiled: a canonical source, the types of its pointers as Triton writes them, which of those are
    multiples of 16 bytes, its block sizes, and the options of the compiler.
    """

    source: str
    pointers: tuple[str, ...]
    aligned: tuple[bool, ...]
    constants: dict[str, int]
    warps: int
    stages: int
    architecture: str
    triton: str

    @property
    def key(self) -> str:
        """What tells it from every other job."""
        return hashlib.sha256(json.dumps([FORMAT, asdict(self)], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a compiled kernel takes: registers a thread, `spilled` bytes a thread that did not fit into them, `shared`
    bytes of a program, scratch bytes; how many instructions of tensor cores it has, and whether loads run ahead.
    """

    entry: str
    warps: int
    shared: int
    scratch: int
    registers: int
    spilled: int
    tensor: int
    ahead: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Binary:
    """A compiled kernel."""

    facts: Facts
    code: bytes


def cache_folder() -> Path:
    """Where binaries are kept: TCAFFE_CACHE_DIR, or the user's folder for such things."""
    base = os.environ.get("TCAFFE_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "tcaffe"
    )
    return Path(base) / "kernels"


def read_binary(folder: Path, key: str) -> Binary | None:
    """The binary that was kept under `key`, or None where there is none, or a damaged one."""
    try:
        code, told = (folder / f"{key}.bin").read_bytes(), json.loads((folder / f"{key}.json").read_text("utf-8"))
        if told.pop("sha256") != hashlib.sha256(code).hexdigest():
            return None
        return Binary(facts_of(told), code)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_binary(folder: Path, key: str, binary: Binary) -> None:
    """Keep a binary: each file appears whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {**asdict(binary.facts), "sha256": hashlib.sha256(binary.code).hexdigest()}
    _publish(folder / f"{key}.bin", binary.code)
    _publish(folder / f"{key}.json", json.dumps(told).encode())


def facts_of(told: Mapping[str, Any]) -> Facts:
    """Facts as read from JSON; raises TypeError or KeyError for others."""
    known = {f.name: told[f.name] for f in fields(Facts)}
    kinds = {"entry": str, "ahead": bool, "seconds": float}
    if any(type(value) is not kinds.get(name, int) for name, value in known.items()):
        raise TypeError("not the facts of a kernel")
    return Facts(**known)


def _publish(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(name, path)
