"""Inputs from files: arrays and images, in the shape a net wants them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcaffe.data.image import read_image
from tcaffe.diagnostics import CompileError, Diagnostic, suggest
from tcaffe.frontend.lower import Lowered
from tcaffe.ir.types import DTYPES
from tcaffe.runtime.manifest import Manifest
from tcaffe.schema import caffe_pb2

Values = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Slot:
    """An input of a net: its name, shape and element type."""

    name: str
    shape: tuple[int, ...]
    dtype: type[np.generic]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to the pixels of an image: (pixel - mean) * scale, red first if `rgb`, else blue first as in Caffe.

    `mean` holds one number, or one a channel in the order the net sees.
    """

    mean: tuple[float, ...] = ()
    scale: float = 1.0
    rgb: bool = False

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """An image [C, H, W] as the net wants it; raises CompileError if the mean has another number of channels."""
        image = image[::-1] if self.rgb else image
        if self.mean and len(self.mean) not in (1, len(image)):
            raise _error("E0611", f"the mean has {len(self.mean)} channels, the image {len(image)}")
        return (image - np.array(self.mean or (0.0,), np.float32).reshape(-1, 1, 1)) * np.float32(self.scale)


def slots_of_net(lowered: Lowered) -> list[Slot]:
    """The inputs of a net."""
    nodes = [lowered.blobs[name] for name in lowered.inputs]
    return [Slot(name, n.shape, DTYPES[n.type.dtype]) for name, n in zip(lowered.inputs, nodes, strict=True)]


def slots_of_bundle(manifest: Manifest) -> list[Slot]:
    """The inputs of a bundle."""
    views = {view.name: view for view in manifest.views}
    return [Slot(name, views[name].shape, np.dtype(views[name].dtype).type) for name in manifest.inputs]


def read_inputs(specs: Sequence[tuple[str, str]], slots: Sequence[Slot], prepare: Preprocessing) -> Values:
    """An array for each input that `specs`, pairs of its name and a file, feed; several files make a batch.

    A file of several arrays without a name feeds the inputs that are called like them. Raises CompileError.
    """
    pieces: dict[str, list[np.ndarray]] = {}
    known = {slot.name: slot for slot in slots}
    for name, path in specs:
        for fed, piece in _read(name, Path(path), slots, known, prepare):
            pieces.setdefault(fed, []).append(piece)
    return {name: _joined(known[name], found) for name, found in pieces.items()}


def read_mean(text: str) -> tuple[float, ...]:
    """The mean of each channel, from `104,117,123` or from a .npy or .binaryproto file; raises CompileError."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        mean = _mean_image(Path(text))
    return tuple(float(m) for m in mean.reshape(mean.shape[-3], -1).mean(1)) if mean.ndim >= 3 else tuple(mean.ravel())


def _mean_image(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return _load(path)
    try:
        blob = caffe_pb2.BlobProto.FromString(path.read_bytes())
        shape = tuple(blob.shape.dim) or (blob.num, blob.channels, blob.height, blob.width)
        return np.array(blob.data or blob.double_data, np.float64).reshape(shape)
    except OSError:
        raise
    except Exception as error:  # protobuf's own errors have no common base
        raise _error("E0611", f"`{path}` is no mean: neither numbers nor a .npy or .binaryproto file") from error


def _read(
    name: str, path: Path, slots: Sequence[Slot], known: Mapping[str, Slot], prepare: Preprocessing
) -> Iterable[tuple[str, np.ndarray]]:
    """What a file holds for which inputs."""
    if path.suffix == ".npz" and not name:
        arrays = _load_all(path)
        return [(_known(n, known).name, array) for n, array in arrays.items()]
    slot = _known(name, known) if name else _only(slots)
    if path.suffix == ".npz":
        arrays = _load_all(path)
        if slot.name not in arrays and len(arrays) != 1:
            raise _error("E0605", f"`{path}` has no array `{slot.name}`", f"it has {', '.join(arrays)}")
        return [(slot.name, arrays[slot.name] if slot.name in arrays else next(iter(arrays.values())))]
    if path.suffix == ".npy":
        return [(slot.name, _load(path))]
    if len(slot.shape) != 4:
        raise _error("E0611", f"input `{slot.name}` is {list(slot.shape)}: it takes .npy or .npz files, no images")
    image = read_image(path, slot.shape[1], (slot.shape[2], slot.shape[3]))
    return [(slot.name, prepare(image)[None])]


def _joined(slot: Slot, pieces: Sequence[np.ndarray]) -> np.ndarray:
    """The pieces one after the other, each with an axis for the batch if it came without."""
    whole = [piece[None] if piece.ndim == len(slot.shape) - 1 else piece for piece in pieces]
    for piece in whole:
        together = slot.shape and piece.shape[1:] == whole[0].shape[1:]
        if piece.ndim != len(slot.shape) or (len(whole) > 1 and not together):
            raise _error("E0611", f"input `{slot.name}` is {list(slot.shape)}, a file has {list(piece.shape)}")
        if piece.dtype.kind not in "fiub":
            raise _error("E0611", f"input `{slot.name}` takes numbers, a file has {piece.dtype}")
    return (np.concatenate(whole) if len(whole) > 1 else whole[0]).astype(slot.dtype, copy=False)


def _known(name: str, known: Mapping[str, Slot]) -> Slot:
    if name not in known:
        note = f"its inputs are {', '.join(known)}"
        raise _error("E0605", f"the net has no input `{name}`", note, suggest(name, known))
    return known[name]


def _only(slots: Sequence[Slot]) -> Slot:
    if len(slots) != 1:
        names = ", ".join(slot.name for slot in slots)
        raise _error("E0605", f"which of its inputs? the net has {names or 'none'}", "", "write `--input NAME=FILE`")
    return slots[0]


def _load(path: Path) -> np.ndarray:
    """The array of a .npy file, which never runs code from it; raises CompileError."""
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise _error("E0611", f"`{path}` is not an array file: {error}") from error


def _load_all(path: Path) -> Values:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise _error("E0611", f"`{path}` is not a file of arrays: {error}") from error


def _error(code: str, message: str, note: str = "", suggestion: str = "") -> CompileError:
    return CompileError([Diagnostic(code, message, note=note, suggestion=suggestion)])
