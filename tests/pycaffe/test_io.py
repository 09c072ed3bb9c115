"""Arrays in Caffe's messages and back, and what a hostile message comes to."""

import tracemalloc

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from tcaffe.pycaffe import io
from tcaffe.schema.caffe_pb2 import BlobProto, BlobProtoVector, BlobShape, Datum

X = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)


def test_all_of_caffe_io_is_there():
    assert set(io.__all__) == {
        "Transformer", "array_to_blobproto", "array_to_datum", "arraylist_to_blobprotovector_str", "blobproto_to_array",
        "blobprotovector_str_to_arraylist", "datum_to_array", "load_image", "oversample", "resize_image",
    }  # fmt: skip
    assert all(callable(getattr(io, name)) for name in io.__all__)


# ── blobs ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (1, 2, 1, 2, 1, 2)])
def test_arrays_of_any_rank_are_blobs_and_arrays_again(shape):
    array = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    blob = io.array_to_blobproto(array)
    assert tuple(blob.shape.dim) == shape and blob.HasField("shape")
    assert not any(blob.HasField(side) for side in ("num", "channels", "height", "width"))
    found = io.blobproto_to_array(BlobProto.FromString(blob.SerializeToString()))
    np.testing.assert_array_equal(found, array)
    assert found.shape == shape


def test_elements_are_in_row_major_order_however_they_lie_in_memory():
    blob = io.array_to_blobproto(X.transpose(3, 1, 0, 2))
    assert list(blob.data[:2]) == [X[0, 0, 0, 0], X[0, 0, 1, 0]]
    np.testing.assert_array_equal(io.blobproto_to_array(blob), X.transpose(3, 1, 0, 2))


def test_gradients_are_kept_beside_the_numbers():
    blob = io.array_to_blobproto(X, diff=2 * X)
    np.testing.assert_array_equal(io.blobproto_to_array(blob), X)
    np.testing.assert_array_equal(io.blobproto_to_array(blob, return_diff=True), 2 * X)


def test_a_blob_without_gradients_has_none_to_give():
    assert not io.array_to_blobproto(X).diff
    with pytest.raises(ValueError, match=r"0 numbers do not fill an array of shape \[2, 3, 4, 5\]"):
        io.blobproto_to_array(io.array_to_blobproto(X), return_diff=True)
    with pytest.raises(ValueError, match="3 gradients do not belong to 120 numbers"):
        io.array_to_blobproto(X, diff=[1, 2, 3])


def test_any_side_of_an_old_file_wins_over_the_shape():
    old = BlobProto(num=1, channels=2, height=1, width=3, data=range(6), shape=BlobShape(dim=[6]))
    np.testing.assert_array_equal(io.blobproto_to_array(old), np.arange(6).reshape(1, 2, 1, 3))
    assert io.blobproto_to_array(BlobProto(width=0, shape=BlobShape(dim=[6]))).shape == (0, 0, 0, 0)


def test_blobs_of_doubles_are_read():
    blob = BlobProto(shape=BlobShape(dim=[2]), double_data=[0.1, 0.2], double_diff=[0.3, 0.4])
    assert io.blobproto_to_array(blob).tolist() == [0.1, 0.2]
    assert io.blobproto_to_array(blob, return_diff=True).tolist() == [0.3, 0.4]


def test_lists_of_arrays_are_bytes_and_lists_again():
    arrays = [X, X[0, 0], np.arange(3), np.float32(7)]
    data = io.arraylist_to_blobprotovector_str(arrays)
    assert isinstance(data, bytes)
    found = io.blobprotovector_str_to_arraylist(data)
    assert len(found) == 4
    for one, other in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    assert io.blobprotovector_str_to_arraylist(io.arraylist_to_blobprotovector_str([])) == []
    with pytest.raises(DecodeError):
        io.blobprotovector_str_to_arraylist(b"\x0a\xff junk")


# ── records of databases ────────────────────────────────────────────────────────────────────────────


def test_bytes_stay_bytes():
    image = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::-1]
    datum = io.array_to_datum(image, label=7)
    assert (datum.channels, datum.height, datum.width, datum.label) == (2, 3, 4, 7)
    assert datum.data == image.tobytes() and not datum.float_data
    found = io.datum_to_array(Datum.FromString(datum.SerializeToString()))
    np.testing.assert_array_equal(found, image)
    assert found.dtype == np.uint8 and found.flags.writeable


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_all_other_numbers_become_floats(dtype):
    image = (X[0] * 3).astype(dtype)
    datum = io.array_to_datum(image)
    assert not datum.data and not datum.HasField("label")
    found = io.datum_to_array(datum)
    np.testing.assert_array_equal(found, image.astype(np.float32))
    assert found.dtype == np.float64


def test_label_nought_is_a_label():
    assert io.array_to_datum(np.zeros((1, 1, 1)), 0).HasField("label")


@pytest.mark.parametrize("shape", [(), (4,), (3, 4), (1, 2, 3, 4)])
def test_a_datum_has_three_axes(shape):
    with pytest.raises(ValueError, match=f"has {len(shape)} axes"):
        io.array_to_datum(np.zeros(shape, np.uint8))


def test_bytes_win_over_floats():
    datum = Datum(channels=1, height=1, width=2, data=b"\x01\x02", float_data=[3, 4])
    assert io.datum_to_array(datum).tolist() == [[[1, 2]]]


def test_encoded_images_are_not_decoded():
    with pytest.raises(ValueError, match="encoded image file, which has to be decoded"):
        io.datum_to_array(Datum(data=b"\x89PNG...", encoded=True))


# ── messages from strangers ─────────────────────────────────────────────────────────────────────────

HOSTILE_SHAPES = {
    "huge": [2**31, 2**31],
    "huge beside none": [2**62, 2**62, 2**62, 0],
    "negative": [-1, 2],
    "two negative": [-1, -2],
    "too small": [1],
    "too large": [3],
    "too many axes": [1] * 33,
    "more axes than can be multiplied": [2**62] * 200_000,
}


@pytest.mark.parametrize("shape", HOSTILE_SHAPES.values(), ids=HOSTILE_SHAPES)
def test_a_shape_that_the_numbers_do_not_fill_is_refused(shape):
    assert_refused(io.blobproto_to_array, BlobProto(shape=BlobShape(dim=shape), data=[1, 2]))
    vector = BlobProtoVector(blobs=[BlobProto(shape=BlobShape(dim=shape), data=[1, 2])])
    assert_refused(io.blobprotovector_str_to_arraylist, vector.SerializeToString())


@pytest.mark.parametrize("sides", [(2**31 - 1,) * 4, (-1, 1, 1, 2), (-1, -2, 1, 1), (1, 1, 1, 1)])
def test_sides_that_the_numbers_do_not_fill_are_refused(sides):
    named = dict(zip(("num", "channels", "height", "width"), sides, strict=True))
    assert_refused(io.blobproto_to_array, BlobProto(**named, data=[1, 2]))


@pytest.mark.parametrize("sides", [(2**31 - 1,) * 3, (-1, 1, 2), (-1, -2, 1), (-1, -1, -1), (1, 1, 1), (0, 1, 2)])
@pytest.mark.parametrize("data", [{"data": b"12"}, {"float_data": [1, 2]}, {"data": b"12", "encoded": True}])
def test_records_with_another_number_of_elements_are_refused(sides, data):
    channels, height, width = sides
    assert_refused(io.datum_to_array, Datum(channels=channels, height=height, width=width, **data))


def assert_refused(function, message):
    """ValueError, and nothing of the size that the message speaks of is allocated."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"numbers do not fill an array|encoded image file"):
            function(message)
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()
