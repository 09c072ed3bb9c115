"""`tcaffe extract`: what blobs of a net are for the data that its layers read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import click
import numpy as np

from tcaffe.cli import screen
from tcaffe.cli.command import command
from tcaffe.cli.options import NetQuery, net_options, weights_option, workers_option
from tcaffe.cli.results import write_npz
from tcaffe.data.database import BACKENDS, Writer
from tcaffe.data.datum import write_datum
from tcaffe.data.feeds import feeds_of
from tcaffe.data.hdf5 import write_hdf5
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.train.evaluation import Evaluation
from tcaffe.train.report import Arrays

FILES = {".npz": write_npz, ".h5": write_hdf5}
COMMIT = 1000  # records that are written at once


@command
@weights_option
@click.option("--blobs", required=True, metavar="A,B,...", help="The blobs to extract.")
@click.option("--batches", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="How many batches.")
@click.option("-o", "--output", required=True, metavar="FILE|FOLDER",
              help="A .npz or .h5 file, or a folder of databases.")  # fmt: skip
@click.option("--backend", type=click.Choice(BACKENDS), default="lmdb", show_default=True,
              help="The kind of databases.")  # fmt: skip
@workers_option
@net_options()
def extract(
    query: NetQuery, weights: Sequence[str], blobs: str, batches: int, output: str, backend: str, workers: int | None
) -> None:
    """Run NET on batches that its data layers read, and write what BLOBS are.

    \b
    tcaffe extract caffenet_val.prototxt -w caffenet.caffemodel --blobs fc7 --batches 10 -o features.npz
    tcaffe extract net.prototxt -w net.caffemodel --blobs fc7,prob --batches 100 -o features/

    A file has an array a blob, its batches one after the other. Otherwise there is a database a blob in the
    folder, with a record an item: the keys are its numbers, ten digits, the numbers are the item's, without a label.
    """
    names = [name for name in blobs.split(",") if name]
    random = np.random.default_rng(0)
    feeds = list(feeds_of(query.state.message, query.phase, lambda: random))
    if not weights:
        screen.note("no weights: the parameters are as their fillers make them")
    files = [Path(name) for name in weights]
    tester = Evaluation(query.state, feeds, files, workers=workers, outputs=names)
    if write := FILES.get(Path(output).suffix):
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for found in _batches(tester, batches):
            for name in names:
                parts[name].append(found[name].copy())
        write(Path(output), {name: _joined(arrays) for name, arrays in parts.items()})
    else:
        _write_databases(Path(output), names, backend, _batches(tester, batches))
    screen.note(f"wrote {output}: {', '.join(names)} of {batches} batches")


def _batches(tester: Evaluation, count: int) -> Iterator[Arrays]:
    with screen.progress("extracting", count) as meter:
        for _ in range(count):
            yield tester.run()[1]
            meter.advance()


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """All batches along their first axis; one number a batch as a vector."""
    return np.stack(arrays) if arrays[0].ndim == 0 else np.concatenate(arrays)


def _write_databases(folder: Path, names: Sequence[str], backend: str, batches: Iterator[Arrays]) -> None:
    """A database for each blob; none is left where one cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(Writer(str(folder / _file(name)), backend)) for name in names}
        counts = dict.fromkeys(names, 0)
        for found in batches:
            for name, writer in writers.items():
                for item in found[name] if found[name].ndim else found[name][None]:
                    writer.put(b"%010d" % counts[name], write_datum(_image(item)))
                    counts[name] += 1
                    if counts[name] % COMMIT == 0:
                        writer.commit()


def _file(blob: str) -> str:
    """The folder of a blob's database; raises CompileError for a name that would lead elsewhere."""
    name = blob.replace("/", "_")
    if name in ("", ".", "..") or "\0" in name:
        raise CompileError([Diagnostic("E0601", f"a database cannot be called after the blob `{blob}`")])
    return name


def _image(item: np.ndarray) -> np.ndarray:
    """An item as [channels, height, width]; more axes than three are one in the end."""
    shape = (*item.shape, 1, 1, 1)[:3] if item.ndim <= 3 else (*item.shape[:2], -1)
    return item.astype(np.float32).reshape(shape)
