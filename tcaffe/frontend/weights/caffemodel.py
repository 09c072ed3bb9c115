"""Binary weights: only names and arrays are taken from the file, whichever fork wrote the rest.

Forks give the same field numbers to different messages, so layer parameters are skipped by wire type; what a layer
does is told by the prototxt.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcaffe.frontend.weights.blob import Shape, StoredBlob, StoredLayer
from tcaffe.frontend.weights.wire import (
    BYTES,
    FIXED,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    WireError,
    fields,
    signed,
    varint,
)
from tcaffe.schema import caffe_pb2

MAX_AXES = 32


def _number(message: type, field: str) -> int:
    return int(message.DESCRIPTOR.fields_by_name[field].number)  # type: ignore[attr-defined]


NET, BLOB = caffe_pb2.NetParameter, caffe_pb2.BlobProto
CURRENT, OLD, OLDEST = caffe_pb2.LayerParameter, caffe_pb2.V1LayerParameter, caffe_pb2.V0LayerParameter
LAYER, LAYERS = _number(NET, "layer"), _number(NET, "layers")
INNER = _number(OLD, "layer")
AGES = {LAYER: CURRENT, LAYERS: OLD}
SHAPE, DIM = _number(BLOB, "shape"), _number(caffe_pb2.BlobShape, "dim")
SINGLE, DOUBLE = _number(BLOB, "data"), _number(BLOB, "double_data")
SIDES = [_number(BLOB, side) for side in ("num", "channels", "height", "width")]
RAW_TYPE, RAW = 10, 12  # NVIDIA's fork: an element type and the bytes of all elements
RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}


def read_layers(data: memoryview) -> Iterator[StoredLayer]:
    """The layers of a binary NetParameter of any age, in order; raises WireError."""
    for field in fields(data, 0, len(data)):
        if field.number in AGES and field.kind == BYTES:
            yield _layer(data, field, AGES[field.number])


def _layer(data: memoryview, layer: Field, message: type) -> StoredLayer:
    """A layer's name and arrays; a layer of the first format has both inside another message."""
    name, blobs = b"", list[StoredBlob | None]()
    wanted_name, wanted_blobs = _number(message, "name"), _number(message, "blobs")
    for field in fields(data, layer.start, layer.end):
        if field.kind != BYTES:
            continue
        if message is OLD and field.number == INNER:
            inner = _layer(data, field, OLDEST)
            name, blobs = name or inner.name.encode(), blobs or list(inner.blobs)
        elif field.number == wanted_name:
            name = bytes(data[field.start : field.end])
        elif field.number == wanted_blobs:
            blobs.append(_blob(data, field))
    return StoredLayer(name.decode("utf-8", "replace"), tuple(blobs))


def _blob(data: memoryview, blob: Field) -> StoredBlob:
    """An array, whichever of the ways to store its numbers the file uses; doubles win over floats."""
    shape: Shape = ()
    legacy = dict.fromkeys(SIDES, 0)
    old = False
    pieces: dict[int, list[np.ndarray]] = {SINGLE: [], DOUBLE: [], RAW: []}
    raw_type = 1
    skip_to = blob.start
    for field in fields(data, blob.start, blob.end):
        if field.number in legacy and field.kind == VARINT:
            legacy[field.number], old = signed(field.value), True
        elif field.number == SHAPE and field.kind == BYTES:
            shape = _dims(data, field)
        elif field.number == RAW_TYPE and field.kind == VARINT:
            raw_type = field.value
        elif field.number in pieces and field.tag >= skip_to:
            piece, skip_to = _numbers(data, field, blob.end, raw_type)
            pieces[field.number].append(piece)
    used = next((p for p in (pieces[DOUBLE], pieces[RAW], pieces[SINGLE]) if p), [])
    numbers = used[0] if len(used) == 1 else np.concatenate(used) if used else np.empty(0, np.float32)
    if old and min(legacy.values()) < 0:
        raise WireError(f"an array of shape {list(legacy.values())}", blob.tag)
    return StoredBlob(tuple(legacy.values()) if old else shape, numbers, legacy=old)


def _dims(data: memoryview, shape: Field) -> Shape:
    """The dimensions of a BlobShape, packed or not."""
    dims: list[int] = []
    for field in fields(data, shape.start, shape.end):
        if field.number != DIM:
            continue
        at = field.start
        while at < field.end and len(dims) <= MAX_AXES:
            value, at = varint(data, at, field.end)
            dims.append(signed(value))
    if len(dims) > MAX_AXES or min(dims, default=0) < 0:
        raise WireError(f"an array of shape {dims[: MAX_AXES + 1]}", shape.tag)
    return tuple(dims)


def _numbers(data: memoryview, field: Field, end: int, raw_type: int) -> tuple[np.ndarray, int]:
    """The numbers of a field and where they end: packed bytes, or a run of single numbers each with its tag."""
    if field.kind == BYTES:
        dtype = {SINGLE: "<f4", DOUBLE: "<f8", RAW: RAW_TYPES.get(raw_type, "")}[field.number]
        if not dtype:
            raise WireError(f"numbers of the unknown type {raw_type}", field.tag)
        if (field.end - field.start) % np.dtype(dtype).itemsize:
            raise WireError(f"{field.end - field.start} bytes are no whole number of elements", field.tag)
        return np.frombuffer(data[field.start : field.end], dtype), field.end
    if field.kind != {SINGLE: FIXED32, DOUBLE: FIXED64}.get(field.number):
        raise WireError("an array of something else than numbers", field.tag)
    return _run(data, field, end)


def _run(data: memoryview, field: Field, end: int) -> tuple[np.ndarray, int]:
    """Numbers stored one by one, each behind the same tag: found at once, as rows of bytes that start alike."""
    tag, item = field.start - field.tag, FIXED[field.kind]
    step = tag + item
    rows = np.frombuffer(data[field.tag : field.tag + (end - field.tag) // step * step], np.uint8).reshape(-1, step)
    alike = (rows[:, :tag] == rows[0, :tag]).all(axis=1)
    count = len(rows) if alike.all() else int(alike.argmin())
    numbers = np.ascontiguousarray(rows[:count, tag:]).view(f"<f{item}").reshape(-1)
    return numbers, field.tag + count * step
