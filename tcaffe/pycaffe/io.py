"""pycaffe's `caffe.io`: arrays in Caffe's messages and back, and images on their way to a net."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tcaffe.pycaffe.images import load_image, oversample, resize_image
from tcaffe.pycaffe.transformer import Transformer
from tcaffe.schema.caffe_pb2 import BlobProto, BlobProtoVector, Datum

__all__ = [
    "Transformer",
    "array_to_blobproto",
    "array_to_datum",
    "arraylist_to_blobprotovector_str",
    "blobproto_to_array",
    "blobprotovector_str_to_arraylist",
    "datum_to_array",
    "load_image",
    "oversample",
    "resize_image",
]

LEGACY = ("num", "channels", "height", "width")
MAX_AXES = 32  # as many as a blob of Caffe can have


def blobproto_to_array(blob: BlobProto, return_diff: bool = False) -> np.ndarray:
    """The numbers of a blob, or its gradients, as float64 in its shape; ValueError where they do not fill it.

    A blob with any of the four sides of old files has that shape, whatever else it says.
    """
    data = (blob.double_diff or blob.diff) if return_diff else (blob.double_data or blob.data)
    legacy = any(blob.HasField(side) for side in LEGACY)
    shape = [getattr(blob, side) for side in LEGACY] if legacy else blob.shape.dim
    return _shaped(np.array(data, np.float64), shape)


def array_to_blobproto(arr: ArrayLike, diff: ArrayLike | None = None) -> BlobProto:
    """The blob of an array of any rank, with its gradients where they are given.

    Raises ValueError where there are not as many gradients as numbers.
    """
    array = np.asarray(arr, np.float64)
    blob = BlobProto()
    blob.shape.dim.extend(array.shape)
    blob.data.extend(array.ravel().tolist())
    if diff is not None:
        gradients = np.asarray(diff, np.float64)
        if gradients.size != array.size:
            raise ValueError(f"{gradients.size} gradients do not belong to {array.size} numbers")
        blob.diff.extend(gradients.ravel().tolist())
    return blob


def arraylist_to_blobprotovector_str(arraylist: Iterable[ArrayLike]) -> bytes:
    """Arrays of any shapes as the bytes of one message."""
    return BlobProtoVector(blobs=[array_to_blobproto(array) for array in arraylist]).SerializeToString()


def blobprotovector_str_to_arraylist(data: bytes) -> list[np.ndarray]:
    """The arrays in the bytes of a message; raises ValueError, and protobuf's DecodeError for other bytes."""
    return [blobproto_to_array(blob) for blob in BlobProtoVector.FromString(data).blobs]


def array_to_datum(arr: ArrayLike, label: int | None = None) -> Datum:
    """The database record of an image [channels, height, width]: uint8 is kept as bytes, all else as floats.

    Raises ValueError for an array of another rank.
    """
    array = np.asarray(arr)
    if array.ndim != 3:
        raise ValueError(f"a datum has channels, height and width: {list(array.shape)} has {array.ndim} axes")
    datum = Datum(channels=array.shape[0], height=array.shape[1], width=array.shape[2])
    if array.dtype == np.uint8:
        datum.data = array.tobytes()
    else:
        datum.float_data.extend(array.astype(np.float64).ravel().tolist())
    if label is not None:
        datum.label = label
    return datum


def datum_to_array(datum: Datum) -> np.ndarray:
    """The image of a database record, [channels, height, width], uint8 from bytes and float64 from floats.

    Bytes are taken as they are: raises ValueError where, as in an encoded image, they are not one for each element.
    """
    values = np.array(bytearray(datum.data), np.uint8) if datum.data else np.array(datum.float_data, np.float64)
    try:
        return _shaped(values, (datum.channels, datum.height, datum.width))
    except ValueError as error:
        if datum.encoded:
            raise ValueError("the datum holds an encoded image file, which has to be decoded first") from error
        raise


def _shaped(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """`values` in a shape that a stranger may have written; raises ValueError."""
    fits = len(shape) <= MAX_AXES and min(shape, default=0) >= 0 and math.prod(shape) == values.size
    if not fits:
        raise ValueError(f"{values.size} numbers do not fill an array of shape {list(shape[: MAX_AXES + 1])}")
    return values.reshape(shape)
