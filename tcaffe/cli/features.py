"""Files of features: arrays by blob that grow batch by batch, as .npz, as HDF5, or as databases of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from tcaffe.cli.results import safe_member, write_npz
from tcaffe.data.database import Writer
from tcaffe.data.datum import write_features
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights import write_whole
from tcaffe.frontend.weights.hdf5 import h5py

COMMIT = 1000  # records that are written at once
DATUM_AXES = 3
HDF5_ENDINGS = (".h5", ".hdf5")

Batches = Iterable[Mapping[str, np.ndarray]]
Shapes = dict[str, tuple[int, ...]]


def write_features_to(target: Path, batches: Batches, backend: str) -> Shapes:
    """Write the batches of each blob one after the other, in the form that the name of `target` asks for.

    That is .npz, .h5, or else a folder with a database for each blob. Gives the shapes of what was written. Nothing is
    left behind where it fails. Raises CompileError and OSError.
    """
    if target.suffix == ".npz":
        return as_npz(target, batches)
    if target.suffix in HDF5_ENDINGS:
        return as_hdf5(target, batches)
    return as_databases(target, batches, backend)


def as_npz(target: Path, batches: Batches) -> Shapes:
    """Write a .npz file; all is in memory until the end."""
    found: dict[str, list[np.ndarray]] = {}
    for values in batches:
        for name, value in values.items():
            found.setdefault(name, []).append(np.atleast_1d(value))
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    write_whole(target, lambda staging: write_npz(staging, whole))
    return {name: value.shape for name, value in whole.items()}


def as_hdf5(target: Path, batches: Batches) -> Shapes:
    """Write an HDF5 file with a dataset for each blob, which grows as the batches come."""
    library, shapes = h5py(target), Shapes()

    def fill(staging: Path) -> None:
        with library.File(staging, "w") as file:
            for values in batches:
                for name, value in values.items():
                    rows, key = np.atleast_1d(value), dataset_name(name, list(values))
                    if key not in file:
                        file.create_dataset(key, data=rows, maxshape=(None, *rows.shape[1:]))
                    else:
                        file[key].resize(len(file[key]) + len(rows), axis=0)
                        file[key][-len(rows) :] = rows
                    shapes[name] = file[key].shape

    write_whole(target, fill)
    return shapes


def dataset_name(name: str, names: Sequence[str]) -> str:
    """The dataset of a blob: its name, in which `/` makes groups, unless another blob is called like a group."""
    nested = any(a.startswith(f"{b}/") for other in names for a, b in ((name, other), (other, name)))
    return flat(name) if nested else safe_member(name)


def flat(name: str) -> str:
    """A blob's name as one that a file can have."""
    return safe_member(name).replace("/", "%2F")


def as_databases(target: Path, batches: Batches, backend: str) -> Shapes:
    """Write a database for each blob into a folder: an item a record, its key the item's number with ten digits."""
    made = not target.exists()
    try:
        return _as_databases(target, batches, backend)
    except BaseException:
        if made and target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        raise


def _as_databases(target: Path, batches: Batches, backend: str) -> Shapes:
    shapes, writers = Shapes(), dict[str, Writer]()
    with ExitStack() as stack:
        for values in batches:
            for name, value in values.items():
                rows = np.atleast_1d(value)
                if name not in writers:
                    _check_axes(name, rows)
                    target.mkdir(parents=True, exist_ok=True)
                    writers[name] = stack.enter_context(Writer(str(target / flat(name)), backend))
                start = shapes[name][0] if name in shapes else 0
                _put(writers[name], rows, start)
                shapes[name] = (start + len(rows), *rows.shape[1:])
    return shapes


def _put(writer: Writer, rows: np.ndarray, start: int) -> None:
    for number, row in enumerate(rows, start):
        writer.put(b"%010d" % number, write_features(row))
        if (number + 1) % COMMIT == 0:
            writer.commit()


def _check_axes(name: str, rows: np.ndarray) -> None:
    if rows.ndim - 1 > DATUM_AXES:
        message = f"items of `{name}` are {list(rows.shape[1:])}: a record has channels, height and width"
        raise CompileError([Diagnostic("E0617", message, suggestion="write them to a .npz or .h5 file")])
