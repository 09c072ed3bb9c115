"""Bundles: a folder with everything a compiled net needs to run where there is only numpy.

    manifest.json   what to call, and where every value and parameter lies
    kernels.py      the emitted source
    weights.bin     the parameters, each on a 64-byte border, little-endian; mapped into memory, not read

A bundle may come from anybody: what is wrong with it is a diagnostic, and nothing in it chooses a path or runs code
that the guard has not looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.runtime.decode import ManifestError, parse_manifest
from tcaffe.runtime.guard import MAX_SOURCE
from tcaffe.runtime.manifest import Manifest

MANIFEST, SOURCE, WEIGHTS = "manifest.json", "kernels.py", "weights.bin"
MAX_MANIFEST = 1 << 28  # bytes


def write(folder: str | Path, manifest: Manifest, source: str, params: Mapping[str, np.ndarray]) -> None:
    """Write a bundle, whole or not at all; an older bundle of the same name is replaced.

    Raises CompileError (E0624) where `folder` is something else than a bundle, and OSError where it cannot be written.
    """
    folder = Path(folder).resolve()
    _refuse_to_overwrite(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        manifest = replace(manifest, source_sha256=_digest(source))
        (staging / MANIFEST).write_text(json.dumps(manifest.json(), indent=1) + "\n", encoding="utf-8")
        (staging / SOURCE).write_text(source, encoding="utf-8")
        _write_weights(staging / WEIGHTS, manifest, params)
        _publish(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def read(folder: str | Path) -> tuple[Manifest, str, dict[str, np.ndarray]]:
    """The manifest, the source and the mapped parameters of a bundle; raises CompileError for a broken one."""
    folder = Path(folder)
    manifest = _read_manifest(folder)
    source = _read_text(folder / SOURCE, MAX_SOURCE)
    if _digest(source) != manifest.source_sha256:
        raise _error("E0622", f"{folder / SOURCE} is not the source that the manifest was written for")
    return manifest, source, _map_weights(folder / WEIGHTS, manifest)


def _read_manifest(folder: Path) -> Manifest:
    if not folder.is_dir() or not (folder / MANIFEST).is_file():
        raise _error("E0620", f"{folder} is not a bundle", note=f"a bundle is a folder with {MANIFEST} in it")
    try:
        return parse_manifest(_read_text(folder / MANIFEST, MAX_MANIFEST))
    except ManifestError as error:
        raise _error("E0621", f"{folder / MANIFEST}: {error}") from error


def _read_text(path: Path, limit: int) -> str:
    """A regular file of at most `limit` bytes as text, to the byte."""
    if not path.is_file() or path.stat().st_size > limit:
        raise _error("E0620", f"{path} is missing or larger than {limit} bytes")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _error("E0620", f"{path} is not UTF-8 text: {error}") from error


def _map_weights(path: Path, manifest: Manifest) -> dict[str, np.ndarray]:
    """Each parameter as a read-only array over the mapped file."""
    size = path.stat().st_size if path.is_file() else -1
    if size != manifest.weights_bytes:
        raise _error("E0623", f"{path} should have {manifest.weights_bytes} bytes, it has {max(size, 0)}")
    block = np.memmap(path, np.uint8, "r") if size else np.empty(0, np.uint8)
    return {
        p.name: np.ndarray(p.shape, np.dtype(p.dtype).newbyteorder("<"), block.data, p.offset) for p in manifest.params
    }


def _write_weights(path: Path, manifest: Manifest, params: Mapping[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        for p in manifest.params:
            file.seek(p.offset)
            array = np.asarray(params[p.name], np.dtype(p.dtype), order="C")
            file.write((array if sys.byteorder == "little" else array.byteswap()).data)
        file.truncate(manifest.weights_bytes)


def _publish(staging: Path, folder: Path) -> None:
    """Put the finished folder in its place; an older one stays until the new one stands there."""
    mask = os.umask(0)
    os.umask(mask)
    staging.chmod(0o777 & ~mask)
    if not folder.exists():
        staging.rename(folder)
        return
    old = staging.with_name(staging.name + ".old")
    folder.rename(old)
    try:
        staging.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refuse_to_overwrite(folder: Path) -> None:
    """Only a folder with a bundle's files and no others, or an empty one, may be replaced."""
    if folder.is_dir() and {entry.name for entry in folder.iterdir()} <= {MANIFEST, SOURCE, WEIGHTS}:
        return
    if folder.exists():
        raise _error("E0624", f"{folder} exists and is not a bundle", suggestion="choose another folder, or remove it")


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8")).hexdigest()


def _error(code: str, message: str, note: str = "", suggestion: str = "") -> CompileError:
    return CompileError([Diagnostic(code, message, note=note, suggestion=suggestion)])
