"""The steps from an image to an input, each and together, and the way back."""

from itertools import product

import numpy as np
import pytest

from tcaffe.pycaffe.io import Transformer, resize_image

RNG = np.random.default_rng(0)
IMAGE = RNG.random((4, 5, 3)).astype(np.float32)
MEAN = RNG.random((3, 4, 5)).astype(np.float32) * 100


@pytest.fixture
def transformer():
    """For an input of color images of 4 x 5 pixels."""
    made = Transformer({"data": (10, 3, 4, 5)})
    made.set_transpose("data", (2, 0, 1))
    return made


def test_no_step_but_float32():
    plain = Transformer({"data": [1, 3, 4, 5]})
    found = plain.preprocess("data", (IMAGE * 255).astype(np.uint8))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.floor(IMAGE * 255))


def test_each_step(transformer):
    first = IMAGE.transpose(2, 0, 1)
    np.testing.assert_array_equal(transformer.preprocess("data", IMAGE), first)
    transformer.set_channel_swap("data", (2, 0, 1))
    np.testing.assert_array_equal(transformer.preprocess("data", IMAGE), first[[2, 0, 1]])
    transformer.set_raw_scale("data", 255)
    np.testing.assert_allclose(transformer.preprocess("data", IMAGE), first[[2, 0, 1]] * 255)
    transformer.set_mean("data", MEAN)
    np.testing.assert_allclose(transformer.preprocess("data", IMAGE), first[[2, 0, 1]] * 255 - MEAN, atol=1e-4)
    transformer.set_input_scale("data", 0.5)
    np.testing.assert_allclose(transformer.preprocess("data", IMAGE), (first[[2, 0, 1]] * 255 - MEAN) / 2, atol=1e-4)


def test_images_of_other_sizes_are_resized_before_anything_else(transformer):
    pytest.importorskip("scipy")
    large = RNG.random((9, 8, 3))
    transformer.set_raw_scale("data", 10)
    expected = resize_image(large, (4, 5)).transpose(2, 0, 1) * 10
    np.testing.assert_allclose(transformer.preprocess("data", large), expected, rtol=1e-6)


def test_the_image_is_left_alone():
    """Without transposing, swapping and resizing, too."""
    plain = Transformer({"data": (1, 3, 4, 5)})
    plain.set_raw_scale("data", 255)
    image = IMAGE.copy()
    plain.preprocess("data", image)
    np.testing.assert_array_equal(image, IMAGE)
    item = plain.preprocess("data", image)
    plain.deprocess("data", item)
    np.testing.assert_array_equal(item, IMAGE * np.float32(255))


STEPS = {
    "swap": lambda t: t.set_channel_swap("data", (2, 0, 1)),
    "raw": lambda t: t.set_raw_scale("data", 255),
    "mean": lambda t: t.set_mean("data", MEAN),
    "scale": lambda t: t.set_input_scale("data", 0.017),
}


@pytest.mark.parametrize("chosen", list(product([False, True], repeat=4)))
def test_the_way_back_is_the_inverse(transformer, chosen):
    for step, wanted in zip(STEPS.values(), chosen, strict=True):
        if wanted:
            step(transformer)
    item = transformer.preprocess("data", IMAGE)
    back = transformer.deprocess("data", item[None])
    assert back.shape == IMAGE.shape and back.dtype == np.float32
    np.testing.assert_allclose(back, IMAGE, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(transformer.deprocess("data", item), back)


def test_gray_images_come_back_without_an_axis_of_channels():
    gray = Transformer({"data": (1, 1, 4, 5)})
    gray.set_transpose("data", (2, 0, 1))
    gray.set_mean("data", np.array([0.5]))
    item = gray.preprocess("data", IMAGE[..., :1])
    assert item.shape == (1, 4, 5)
    np.testing.assert_allclose(gray.deprocess("data", item[None]), IMAGE[..., 0], atol=1e-6)


def test_the_way_back_is_of_one_item(transformer):
    with pytest.raises(ValueError):
        transformer.deprocess("data", np.zeros((2, 3, 4, 5)))


# ── means ───────────────────────────────────────────────────────────────────────────────────────────


def zeros_become(transformer):
    """What black becomes: the mean, negative."""
    return -transformer.preprocess("data", np.zeros((4, 5, 3)))


def test_a_mean_a_channel(transformer):
    transformer.set_mean("data", np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(zeros_become(transformer), np.broadcast_to([[[1]], [[2]], [[3]]], (3, 4, 5)))


def test_a_mean_image(transformer):
    transformer.set_mean("data", MEAN)
    np.testing.assert_array_equal(zeros_become(transformer), MEAN)


def test_a_mean_image_of_another_size_is_resized(transformer):
    pytest.importorskip("scipy")
    large = RNG.random((3, 8, 8)) * 255
    transformer.set_mean("data", large)
    expected = resize_image(large.transpose(1, 2, 0), (4, 5)).transpose(2, 0, 1)
    np.testing.assert_allclose(zeros_become(transformer), expected)
    transformer.set_mean("data", np.full((3, 8, 8), 7))
    np.testing.assert_array_equal(zeros_become(transformer), np.full((3, 4, 5), 7))


@pytest.mark.parametrize(
    "shape", [(), (1,), (2,), (4,), (4, 5), (3, 4), (2, 4, 5), (4, 3, 4, 5), (1, 3, 4, 5)], ids=str
)
def test_means_that_do_not_fit(transformer, shape):
    with pytest.raises(ValueError, match="does not fit input 'data'"):
        transformer.set_mean("data", np.zeros(shape))
    assert "data" not in transformer.mean


def test_a_mean_of_two_axes_fits_gray_inputs_of_its_size():
    gray = Transformer({"data": (1, 1, 4, 5)})
    gray.set_mean("data", MEAN[0])
    np.testing.assert_array_equal(gray.mean["data"], MEAN[:1])
    with pytest.raises(ValueError):
        gray.set_mean("data", MEAN[0].T)


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", [(0, 1), (2, 0, 1, 3), ()])
def test_orders_have_the_right_length(transformer, order):
    with pytest.raises(Exception, match="is not of the 3 axes"):
        transformer.set_transpose("data", order)
    with pytest.raises(Exception, match="is not of the 3 channels"):
        transformer.set_channel_swap("data", order)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.set_transpose("x", (2, 0, 1)),
        lambda t: t.set_channel_swap("x", (2, 1, 0)),
        lambda t: t.set_raw_scale("x", 255),
        lambda t: t.set_mean("x", MEAN),
        lambda t: t.set_input_scale("x", 1),
        lambda t: t.preprocess("x", IMAGE),
        lambda t: t.deprocess("x", MEAN),
    ],
)
def test_an_unknown_input_is_named_with_those_there_are(transformer, call):
    with pytest.raises(Exception, match="'x' is not one of the inputs of the net: 'data'"):
        call(transformer)


def test_inputs_have_steps_of_their_own():
    two = Transformer({"a": (1, 3, 4, 5), "b": (1, 3, 4, 5)})
    two.set_raw_scale("a", 2)
    np.testing.assert_array_equal(two.preprocess("a", IMAGE), 2 * two.preprocess("b", IMAGE))
