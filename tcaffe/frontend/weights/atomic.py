"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_whole(path: str | os.PathLike[str], fill: Callable[[Path], object]) -> None:
    """Let `fill` write a new file beside `path`, make sure it is on the disk, and only then give it the name.

    Whoever reads `path` meanwhile, or after a crash, sees the old file or the new one. A link stays a link, and a
    file keeps its permissions. Raises OSError, also for a device or a pipe, which cannot be replaced.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise OSError(f"`{path}` is not a file")
    staging = target.with_name(f".tcaffe-{secrets.token_hex(8)}")
    try:
        fill(staging)
        if target.exists():
            staging.chmod(target.stat().st_mode)
        _flush(staging)
        staging.replace(target)
        _flush(target.parent)
    finally:
        staging.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open folders
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
