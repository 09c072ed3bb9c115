"""Solver states on disk, in both of Caffe's formats: written whole or not at all, read with care."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.weights import write_whole
from tcaffe.frontend.weights.hdf5 import h5py
from tcaffe.schema import caffe_pb2

STATE = r"_iter_(\d+)\.solverstate(?:\.h5)?"

File = str | os.PathLike[str]


@dataclass(frozen=True)
class State:
    """What a solver goes on from: the updates done, the file with the weights, the steps its rate took, its memory."""

    iteration: int
    weights: str
    step: int
    memory: tuple[np.ndarray, ...]


def write_state(path: File, state: State) -> None:
    """Write a state, as HDF5 if the name ends in .h5; raises OSError, and CompileError without h5py."""
    write = _write_hdf5 if Path(path).suffix == ".h5" else _write_binary
    write_whole(path, lambda staging: write(staging, state))


def read_state(path: File) -> State:
    """The state in a file, as HDF5 if the name ends in .h5; raises CompileError (E0805) for a file that is none."""
    try:
        return _read_hdf5(Path(path)) if Path(path).suffix == ".h5" else _read_binary(Path(path))
    except (OSError, DecodeError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CompileError([Diagnostic("E0805", f"`{path}` is not the state of a solver: {error}")]) from error


def check_prefix(prefix: str) -> None:
    """Try to write where snapshots will be written; raises CompileError (E0805) rather than after hours of training."""
    try:
        with tempfile.NamedTemporaryFile(dir=Path(prefix).parent, prefix=f"{Path(prefix).name}_iter_"):
            pass
    except OSError as error:
        message = f"snapshots cannot be written to `{prefix}_iter_...`: {error.strerror or error}"
        raise CompileError([Diagnostic("E0805", message, note="`snapshot_prefix` names them")]) from error


def newest_state(prefix: str) -> Path | None:
    """The state of the latest iteration among the snapshots called like this, None where there is none."""
    folder, name = Path(prefix).parent, re.compile(re.escape(Path(prefix).name) + STATE)
    found = {int(match[1]): path for path in folder.glob("*") if (match := name.fullmatch(path.name))}
    return found[max(found)] if found else None


def restored(state: State, shapes: Sequence[tuple[int, ...]], path: File) -> list[np.ndarray]:
    """The memory of a state in these shapes; raises CompileError where it has other numbers of arrays or elements."""
    if len(state.memory) != len(shapes):
        message = f"`{path}` remembers {len(state.memory)} arrays, this solver {len(shapes)}"
        raise CompileError([Diagnostic("E0805", message, note="it is of another net, or another rule")])
    wrong = [k for k, s in enumerate(shapes) if state.memory[k].size != np.prod(s, dtype=int)]
    if wrong:
        k = wrong[0]
        message = f"`{path}`: array {k} is {list(state.memory[k].shape)}, the parameter {list(shapes[k])}"
        raise CompileError([Diagnostic("E0805", message)])
    return [array.reshape(shape) for array, shape in zip(state.memory, shapes, strict=True)]


def _write_binary(path: Path, state: State) -> None:
    message = caffe_pb2.SolverState(iter=state.iteration, learned_net=state.weights, current_step=state.step)
    for array in state.memory:
        blob = message.history.add(data=array.ravel().tolist())
        blob.shape.dim.extend(array.shape)
    path.write_bytes(message.SerializeToString())


def _read_binary(path: Path) -> State:
    message = caffe_pb2.SolverState.FromString(path.read_bytes())
    memory = tuple(_array(blob) for blob in message.history)
    return State(message.iter, message.learned_net, message.current_step, memory)


def _array(blob: caffe_pb2.BlobProto) -> np.ndarray:
    """The numbers of a blob, in its shape of today or of old."""
    values = np.array(blob.data, np.float32)
    legacy = (blob.num, blob.channels, blob.height, blob.width)
    return values.reshape(tuple(blob.shape.dim) if blob.HasField("shape") else legacy)


def _write_hdf5(path: Path, state: State) -> None:
    library = h5py(path)
    with library.File(path, "x") as file:
        file.create_dataset("iter", data=np.array([state.iteration], np.int32))
        text = library.string_dtype("utf-8", len(state.weights.encode()) + 1)
        file.create_dataset("learned_net", data=state.weights, dtype=text)
        file.create_dataset("current_step", data=np.array([state.step], np.int32))
        history = file.create_group("history")
        for k, array in enumerate(state.memory):
            history.create_dataset(str(k), data=array)


def _read_hdf5(path: Path) -> State:
    with h5py(path).File(path, "r") as file:
        weights = file["learned_net"][()] if "learned_net" in file else b""
        text = weights.decode() if isinstance(weights, bytes) else str(weights)
        history = file["history"]
        memory = tuple(np.array(history[str(k)], np.float32) for k in range(len(history)))
        return State(int(file["iter"][0]), text.rstrip("\0"), int(file["current_step"][0]), memory)
