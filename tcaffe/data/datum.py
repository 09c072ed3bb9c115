"""Datums: a picture, or an array of numbers, and a label, as Caffe's databases hold them."""

from __future__ import annotations

import io

import numpy as np
from google.protobuf.message import DecodeError

from tcaffe.data.image import decode_image
from tcaffe.schema import caffe_pb2

LARGEST = 2**28  # numbers in a record; larger ones are refused before memory is taken


def read_datum(record: bytes | memoryview, channels: int | None = None) -> tuple[np.ndarray, int]:
    """The pixels [C, H, W], uint8 or float32, and the label of a record.

    Encoded pictures are decoded to `channels` (1 or 3), or to those they have, blue first. Raises ValueError for a
    record that is no datum or does not hold what it says, and OSError for a picture that cannot be decoded.
    """
    try:
        datum = caffe_pb2.Datum.FromString(bytes(record))
    except DecodeError as error:
        raise ValueError(f"it is no Datum: {error}") from error
    if datum.encoded:
        return decode_image(io.BytesIO(datum.data), channels), datum.label
    return _raw(datum), datum.label


def write_datum(pixels: np.ndarray, label: int = 0) -> bytes:
    """A record of pixels [C, H, W]: uint8 as bytes, anything else as float32."""
    channels, height, width = pixels.shape
    datum = caffe_pb2.Datum(channels=channels, height=height, width=width, label=label, encoded=False)
    if pixels.dtype == np.uint8:
        datum.data, datum.encoded = pixels.tobytes(), False  # said, as Caffe's tools say it
    else:
        datum.float_data.extend(np.asarray(pixels, np.float32).ravel().tolist())
    return datum.SerializeToString()


def write_features(values: np.ndarray) -> bytes:
    """A record, without a label, of an array of at most three axes as float32; axes it lacks are 1, the last ones."""
    channels, height, width = (*values.shape, 1, 1, 1)[:3]
    datum = caffe_pb2.Datum(channels=channels, height=height, width=width)
    datum.float_data.extend(np.asarray(values, np.float32).ravel().tolist())
    return datum.SerializeToString()


def write_encoded(picture: bytes, label: int = 0) -> bytes:
    """A record of the bytes of a picture's file."""
    return caffe_pb2.Datum(data=picture, label=label, encoded=True).SerializeToString()


def _raw(datum: caffe_pb2.Datum) -> np.ndarray:
    shape = (datum.channels, datum.height, datum.width)
    size = datum.channels * datum.height * datum.width
    if min(shape) <= 0 or size > LARGEST:
        raise ValueError(f"its shape is {list(shape)}")
    numbers = np.frombuffer(datum.data, np.uint8) if datum.data else np.array(datum.float_data, np.float32)
    if numbers.size != size:
        raise ValueError(f"it holds {numbers.size} numbers, its shape {list(shape)} {size}")
    return numbers.reshape(shape)
