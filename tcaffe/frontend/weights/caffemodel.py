"""Binary weights: only names and arrays are taken from the file, whichever fork wrote the rest.

Forks give the same field numbers to different messages, so layer parameters are skipped by wire type; what a layer
does is told by the prototxt.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from google.protobuf.message import Message

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
    read_field,
    signed,
    varint,
)
from tcaffe.schema import caffe_pb2

# What a small hostile file could make us build many objects for; the largest known nets have about a thousand layers.
MAX_LAYERS = 100_000
MAX_BLOBS = 1024  # of one layer
MAX_PIECES = 1024  # that the numbers of one array stand in
MAX_AXES = 32
STRIDE = 2**16  # numbers looked at together

Kind = type[Message]


def number(message: Kind, field: str) -> int:
    """The number of a field in the schema."""
    return int(message.DESCRIPTOR.fields_by_name[field].number)


NET, BLOB = caffe_pb2.NetParameter, caffe_pb2.BlobProto
CURRENT, OLD, OLDEST = caffe_pb2.LayerParameter, caffe_pb2.V1LayerParameter, caffe_pb2.V0LayerParameter
AGES: dict[int, Kind] = {number(NET, "layer"): CURRENT, number(NET, "layers"): OLD}
INNER = number(OLD, "layer")
SHAPE, DIM = number(BLOB, "shape"), number(caffe_pb2.BlobShape, "dim")
SINGLE, DOUBLE = number(BLOB, "data"), number(BLOB, "double_data")
SIDES = [number(BLOB, side) for side in ("num", "channels", "height", "width")]
RAW_TYPE, RAW = 10, 12  # NVIDIA's fork: an element type, and the bytes of all elements
RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}


def read_layers(data: memoryview) -> Iterator[StoredLayer]:
    """The layers of a binary NetParameter of any age, in order; raises WireError."""
    found = (field for field in fields(data, 0, len(data)) if field.number in AGES and field.kind == BYTES)
    for count, field in enumerate(found):
        if count == MAX_LAYERS:
            raise WireError(f"more than {MAX_LAYERS} layers", field.tag)
        yield _layer(data, field, AGES[field.number])


def read_array(data: memoryview) -> StoredBlob:
    """The array of a binary BlobProto; raises WireError."""
    return _blob(data, Field(0, BYTES, 0, 0, len(data)))


def _layer(data: memoryview, layer: Field, kind: Kind) -> StoredLayer:
    """A layer's name and arrays; a layer of the first format has both inside another message."""
    name, blobs = "", list[StoredBlob | None]()
    wanted_name, wanted_blobs = number(kind, "name"), number(kind, "blobs")
    for field in fields(data, layer.start, layer.end):
        if field.kind != BYTES:
            continue
        if kind is OLD and field.number == INNER:
            inner = _layer(data, field, OLDEST)
            name, blobs = inner.name or name, [*blobs, *inner.blobs]
        elif field.number == wanted_name:
            name = bytes(data[field.start : field.end]).decode("utf-8", "replace")
        elif field.number == wanted_blobs:
            blobs.append(_blob(data, field))
        if len(blobs) > MAX_BLOBS:
            raise WireError(f"more than {MAX_BLOBS} parameters in one layer", field.tag)
    return StoredLayer(name, tuple(blobs))


def _blob(data: memoryview, blob: Field) -> StoredBlob:
    """An array, in whichever way its shape and its numbers are stored."""
    shape: Shape = ()
    sides: dict[int, int] = {}
    pieces: dict[int, list[np.ndarray]] = {DOUBLE: [], SINGLE: [], RAW: []}
    raw_type: int | None = None
    at = blob.start
    while at < blob.end:
        field = read_field(data, at, blob.end)
        at = field.end
        if field.number in SIDES and field.kind == VARINT:
            sides[field.number] = signed(field.value)
        elif field.number == SHAPE and field.kind == BYTES:
            shape = _dims(data, field, shape)
        elif field.number == RAW_TYPE and field.kind == VARINT:
            raw_type = field.value
        elif field.number in pieces:
            piece, at = _numbers(data, field, blob.end)
            if piece.size:
                pieces[field.number].append(piece)
            if len(pieces[field.number]) > MAX_PIECES:
                raise WireError(f"an array in more than {MAX_PIECES} pieces", field.tag)
    if sides:
        shape = tuple(sides.get(side, 0) for side in SIDES)
    if min(shape, default=0) < 0:
        raise WireError(f"an array of shape {list(shape)}", blob.tag)
    return StoredBlob(shape, _joined(pieces, raw_type, blob.tag), legacy=bool(sides))


def _dims(data: memoryview, shape: Field, dims: Shape) -> Shape:
    """The dimensions of a BlobShape, packed or not, behind those that another one gave already."""
    for field in fields(data, shape.start, shape.end):
        at = field.start
        while field.number == DIM and at < field.end:
            value, at = varint(data, at, field.end)
            dims = (*dims, signed(value))
            if len(dims) > MAX_AXES:
                raise WireError(f"an array of more than {MAX_AXES} axes", shape.tag)
    return dims


def _numbers(data: memoryview, field: Field, end: int) -> tuple[np.ndarray, int]:
    """The numbers of a field, and where they end: packed, or a run of single ones each behind a key of its own.

    Those of NVIDIA's fork are still bytes.
    """
    single = {SINGLE: FIXED32, DOUBLE: FIXED64}.get(field.number)
    if field.kind == single:
        return _run(data, field, end)
    if field.kind != BYTES:
        raise WireError("an array of something else than numbers", field.tag)
    raw = np.frombuffer(data[field.start : field.end], np.uint8)
    return (_view(raw, f"<f{FIXED[single]}", field.tag) if single else raw), field.end


def _run(data: memoryview, field: Field, end: int) -> tuple[np.ndarray, int]:
    """Numbers stored one by one, each behind the same key: found many at a time, as rows of bytes that start alike."""
    tag, item = field.start - field.tag, FIXED[field.kind]
    step = tag + item
    rows = np.frombuffer(data[field.tag : end - (end - field.tag) % step], np.uint8).reshape(-1, step)
    count = 0
    while count < len(rows):
        alike = (rows[count : count + STRIDE, :tag] == rows[0, :tag]).all(axis=1)
        count += len(alike) if alike.all() else int(alike.argmin())
        if not alike.all():
            break
    numbers = np.ascontiguousarray(rows[:count, tag:]).view(f"<f{item}").reshape(-1)
    return numbers, field.tag + count * step


def _joined(pieces: dict[int, list[np.ndarray]], raw_type: int | None, offset: int) -> np.ndarray:
    """The numbers of an array that is stored in one way or in several; doubles win, raw bytes come last."""
    kind, used = next(((kind, found) for kind, found in pieces.items() if found), (SINGLE, []))
    if kind == RAW:
        if raw_type not in RAW_TYPES:
            raise WireError(f"numbers of the unknown type {raw_type}", offset)
        return _view(used[-1], RAW_TYPES[raw_type], offset)
    return used[0] if len(used) == 1 else np.concatenate(used) if used else np.empty(0, np.float32)


def _view(raw: np.ndarray, dtype: str, offset: int) -> np.ndarray:
    """Bytes as numbers, where they stand."""
    if raw.size % np.dtype(dtype).itemsize:
        raise WireError(f"{raw.size} bytes are no whole number of elements", offset)
    return raw.view(dtype)
