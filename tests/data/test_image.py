"""Images for the command line: channels first, blue first, and a diagnostic for whatever is wrong."""

import sys

import numpy as np
import pytest

from tcaffe.data.image import read_image
from tcaffe.diagnostics import CompileError

Image = pytest.importorskip("PIL.Image")

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.fixture
def picture(tmp_path):
    """A file of 7 x 5 pixels."""
    Image.fromarray(PIXELS).save(tmp_path / "x.png")
    return tmp_path / "x.png"


def test_blue_comes_first_and_channels_before_pixels(picture):
    np.testing.assert_array_equal(read_image(picture, 3), PIXELS[:, :, ::-1].transpose(2, 0, 1))
    assert read_image(picture, 1).shape == (1, 5, 7)
    assert read_image(picture, 3, (4, 2)).shape == (3, 4, 2)


def test_whatever_is_wrong_is_a_diagnostic(picture, monkeypatch):
    def complaint(path, channels=3):
        with pytest.raises(CompileError) as caught:
            read_image(path, channels)
        return str(caught.value)

    assert "cannot be an image of 2 channels" in complaint(picture, 2)
    assert "No such file" in complaint(picture.with_name("none.png"))
    picture.with_name("cut.png").write_bytes(picture.read_bytes()[:-40])
    assert "cannot read" in complaint(picture.with_name("cut.png"))
    monkeypatch.setattr("tcaffe.data.image.LARGEST", 34)
    assert "has 7 x 5 pixels: at most 34 are read" in complaint(picture)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "images need Pillow" in complaint(picture)
