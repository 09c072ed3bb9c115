"""Images: read from files, resized, cropped."""

import sys

import numpy as np
import pytest

from tcaffe.pycaffe import io
from tcaffe.pycaffe.images import centre_crop

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("scipy")

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (5, 7, 3), np.uint8)


@pytest.fixture
def saved(tmp_path):
    """The path of a picture, written without loss."""

    def save(picture, name="x.png"):
        picture.save(tmp_path / name)
        return tmp_path / name

    return save


# ── files ───────────────────────────────────────────────────────────────────────────────────────────


def test_colours_come_red_first_from_0_to_1(saved):
    found = io.load_image(saved(Image.fromarray(PIXELS)))
    assert found.dtype == np.float32 and found.shape == (5, 7, 3)
    np.testing.assert_allclose(found, PIXELS / 255, rtol=1e-6)


def test_gray_pictures_have_three_equal_channels_or_one(saved):
    path = saved(Image.fromarray(PIXELS[..., 0]))
    assert (io.load_image(path, color=False).shape, io.load_image(str(path)).shape) == ((5, 7, 1), (5, 7, 3))
    np.testing.assert_allclose(io.load_image(path, color=False)[..., 0], PIXELS[..., 0] / 255, rtol=1e-6)
    np.testing.assert_allclose(io.load_image(path), np.tile(PIXELS[..., :1], 3) / 255, rtol=1e-6)


def test_colours_become_gray_as_bright_as_they_look(saved):
    found = io.load_image(saved(Image.fromarray(PIXELS)), color=False)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, PIXELS @ [[0.2125], [0.7154], [0.0721]] / 255, rtol=1e-5)


@pytest.mark.parametrize("transparent", [0, 128])
def test_transparency_is_dropped(saved, transparent):
    alpha = np.full((5, 7, 1), transparent, np.uint8)
    coloured = saved(Image.fromarray(np.concatenate([PIXELS, alpha], 2)))
    np.testing.assert_allclose(io.load_image(coloured), PIXELS / 255, rtol=1e-6)
    gray = saved(Image.fromarray(np.concatenate([PIXELS[..., :1], alpha], 2)), "gray.png")
    np.testing.assert_allclose(io.load_image(gray, color=False), PIXELS[..., :1] / 255, rtol=1e-6)


def test_pictures_of_other_depths_end_at_white_too(saved):
    bits = PIXELS[..., 0] > 99
    np.testing.assert_array_equal(io.load_image(saved(Image.fromarray(bits)), color=False)[..., 0], bits)
    deep = PIXELS[..., 0].astype(np.uint16) * 257
    np.testing.assert_allclose(io.load_image(saved(Image.fromarray(deep)), False)[..., 0], deep / 65535, rtol=1e-6)
    floats = (PIXELS[..., 0] / 255).astype(np.float32)
    np.testing.assert_array_equal(io.load_image(saved(Image.fromarray(floats), "x.tiff"), False)[..., 0], floats)
    palette = Image.fromarray(PIXELS // 128 * 255).convert("P", palette=Image.Palette.ADAPTIVE)
    np.testing.assert_array_equal(io.load_image(saved(palette)), PIXELS // 128)


def test_what_is_no_picture_is_an_os_error(tmp_path, saved, monkeypatch):
    with pytest.raises(FileNotFoundError):
        io.load_image(tmp_path / "none.png")
    (tmp_path / "junk.png").write_bytes(b"junk")
    with pytest.raises(OSError, match="junk"):
        io.load_image(tmp_path / "junk.png")
    path = saved(Image.fromarray(PIXELS))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(OSError):
        io.load_image(path)
    monkeypatch.setattr("tcaffe.data.image.LARGEST", 34)
    with pytest.raises(OSError, match="7 x 5 pixels: at most 34 are read"):
        io.load_image(saved(Image.fromarray(PIXELS)))


@pytest.mark.parametrize(
    ("module", "use"),
    [("PIL", lambda: io.load_image("x.png")), ("scipy.ndimage", lambda: io.resize_image(PIXELS, (2, 2)))],
)
def test_a_missing_library_names_the_command_that_helps(monkeypatch, module, use):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'tcaffe\[images\]'"):
        use()


# ── sizes ───────────────────────────────────────────────────────────────────────────────────────────


def bilinear(image, size, places, outside):
    """Linear interpolation at places(new, old) along both axes, where pixels beyond the edge are `outside`."""
    padded = np.pad(image.astype(np.float64), ((1, 1), (1, 1), (0, 0)), constant_values=outside)
    for axis in (0, 1):
        at = places(size[axis], image.shape[axis]) + 1
        low = np.clip(np.floor(at).astype(int), 0, padded.shape[axis] - 2)
        part = np.expand_dims(at - low, tuple(k for k in range(3) if k != axis))
        padded = padded.take(low, axis) * (1 - part) + padded.take(low + 1, axis) * part
    return padded


def as_areas(new, old):
    return (np.arange(new) + 0.5) * old / new - 0.5


def as_samples(new, old):
    return np.linspace(0, old - 1, new)


SIZES = [(5, 7), (3, 4), (2, 12), (11, 3), (10, 14), (1, 1), (40, 50)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_interpolated_as_areas(size, channels):
    image = (RNG.random((5, 7, channels)) * 300 - 20).astype(np.float32)
    found = io.resize_image(image, size)
    assert found.dtype == np.float32 and found.shape == (*size, channels)
    np.testing.assert_allclose(found, bilinear(image, size, as_areas, image.min()), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [2, 4])
def test_other_arrays_are_interpolated_as_samples(size, channels):
    image = RNG.standard_normal((5, 7, channels)).astype(np.float32)
    found = io.resize_image(image, size)
    assert found.dtype == np.float32 and found.shape == (*size, channels)
    np.testing.assert_allclose(found, bilinear(image, size, as_samples, 0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channels", [2, 3])
def test_no_edge_is_lost_to_rounding(channels):
    """A constant stays what it is, also where the last sample is computed to lie a step beyond the corner."""
    for old in range(1, 30):
        for new in range(1, 60, 3):
            found = io.resize_image(np.full((old, 2, channels), 0.3, np.float32), (new, 2))
            np.testing.assert_allclose(found, 0.3, rtol=1e-6)


@pytest.mark.parametrize("order", range(6))
def test_a_constant_picture_keeps_its_very_value(order):
    value = np.float32(0.1)
    assert (io.resize_image(np.full((3, 4, 3), value), (8, 5), interp_order=order) == value).all()


def test_orders_of_interpolation():
    image = np.zeros((4, 4, 1), np.float32)
    image[1:3, 1:3] = 1
    nearest = io.resize_image(image, (8, 8), interp_order=0)
    np.testing.assert_array_equal(nearest[..., 0], np.kron(image[..., 0], np.ones((2, 2))))
    cubic = io.resize_image(image, (9, 9), interp_order=3)
    assert (cubic.min(), cubic.max()) == (0, 1)  # no overshoot
    assert np.abs(cubic - io.resize_image(image, (9, 9))).max() > 0.05


def test_resizing_leaves_the_picture_alone():
    image = RNG.random((5, 7, 3)).astype(np.float32)
    for size in ((5, 7), (4, 4)):
        before = image.copy()
        io.resize_image(image, size)[...] = 9
        np.testing.assert_array_equal(image, before)
    assert io.resize_image(PIXELS, (5, 7)).dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "size"),
    [((5, 7), (3, 3)), ((0, 7, 3), (3, 3)), ((5, 7, 3), (0, 3)), ((5, 7, 3), (-1, 3)), ((5, 7, 3), (3,))],
)
def test_what_cannot_be_resized(shape, size):
    with pytest.raises(ValueError, match="image"):
        io.resize_image(np.zeros(shape), size)


# ── crops ───────────────────────────────────────────────────────────────────────────────────────────


def test_ten_crops_in_their_order():
    images = RNG.random((2, 6, 9, 3)).astype(np.float32)
    crops = io.oversample(images, (3, 4))
    assert crops.shape == (20, 3, 4, 3) and crops.dtype == np.float32
    for k, image in enumerate(images):
        five = [image[:3, :4], image[:3, 5:], image[3:, :4], image[3:, 5:], image[1:4, 2:6]]
        np.testing.assert_array_equal(crops[10 * k : 10 * k + 5], five)
        np.testing.assert_array_equal(crops[10 * k + 5 : 10 * k + 10], [crop[:, ::-1] for crop in five])


def test_crops_are_float32_copies_and_may_be_the_whole_picture():
    crops = io.oversample([PIXELS], np.array([5, 7]))
    np.testing.assert_array_equal(crops[::5], [PIXELS, PIXELS[:, ::-1]])
    assert crops.dtype == np.float32


def test_the_centre_of_a_crop_with_an_odd_rest_lies_up_and_left():
    np.testing.assert_array_equal(centre_crop(PIXELS, (2, 4)), PIXELS[1:3, 1:5])


@pytest.mark.parametrize("dims", [(6, 7), (5, 8), (0, 3)])
def test_crops_lie_in_the_picture(dims):
    with pytest.raises(ValueError, match="cannot be taken from an image"):
        io.oversample([PIXELS], dims)


def test_no_picture_no_crops():
    with pytest.raises(ValueError):
        io.oversample([], (3, 3))
