"""Datums: what is read is what was written; records that lie are refused before memory is taken."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tcaffe.data.datum import read_datum, write_datum, write_encoded
from tcaffe.schema import caffe_pb2

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 5, 4), dtype=np.uint8)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS * np.float32(0.1)], ids=["bytes", "numbers"])
def test_raw_pixels_come_back(pixels):
    found, label = read_datum(write_datum(pixels, 7))
    assert found.dtype == pixels.dtype and label == 7
    np.testing.assert_array_equal(found, pixels)


def test_bytes_go_before_numbers():
    datum = caffe_pb2.Datum(channels=1, height=1, width=2, data=b"\1\2", float_data=[5, 6])
    np.testing.assert_array_equal(read_datum(datum.SerializeToString())[0], [[[1, 2]]])


def test_encoded_pictures_are_decoded_blue_first():
    record = write_encoded(png(PIXELS[::-1].transpose(1, 2, 0)), 3)
    found, label = read_datum(record)
    assert label == 3
    np.testing.assert_array_equal(found, PIXELS)
    assert read_datum(record, 1)[0].shape == (1, 5, 4)


@pytest.mark.parametrize("mode, channels", [("L", 1), ("RGBA", 4), ("P", 3)])
def test_encoded_pictures_have_the_channels_of_their_file(mode, channels):
    image = Image.fromarray(PIXELS.transpose(1, 2, 0)).convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    assert read_datum(write_encoded(file.getvalue()))[0].shape == (channels, 5, 4)
    assert read_datum(write_encoded(file.getvalue()), 3)[0].shape == (3, 5, 4)


def test_sixteen_bits_are_refused_as_they_are():
    record = write_encoded(png(np.full((5, 4), 0x1234, np.uint16)))
    with pytest.raises(OSError, match="more than 8 bits"):
        read_datum(record)
    np.testing.assert_array_equal(read_datum(record, 1)[0], np.full((1, 5, 4), 0x12))


@pytest.mark.parametrize("fields, message", [
    ({"channels": 3, "height": 5, "width": 5, "data": b"\0" * 60}, "holds 60 numbers, its shape .* 75"),
    ({"channels": 2**30, "height": 2**30, "width": 2**30, "data": b"\0"}, "its shape is"),
    ({"channels": -1, "height": -1, "width": 1, "data": b"\0"}, "its shape is"),
    ({"channels": 0, "height": 5, "width": 5}, "its shape is"),
    ({"channels": 1, "height": 16000, "width": 16000, "float_data": [1]}, "holds 1 numbers"),
])  # fmt: skip
def test_records_that_lie_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        read_datum(caffe_pb2.Datum(**fields).SerializeToString())


def test_what_is_no_datum_is_refused():
    with pytest.raises(ValueError, match="no Datum"):
        read_datum(b"\xff\xff\xff")
    with pytest.raises(OSError):
        read_datum(write_encoded(b"no picture"))
    with pytest.raises(OSError):
        read_datum(write_encoded(png(PIXELS.transpose(1, 2, 0))[:60]))
