"""Scaling: straight lines stay straight, and what cannot change does not."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.data.resize import resize


@pytest.mark.parametrize("height, width", [(7, 5), (14, 10), (3, 9), (1, 1), (40, 2)])
def test_one_colour_stays_that_colour(height, width):
    pixels = np.broadcast_to(np.array([0, 255, 77], np.uint8)[:, None, None], (3, 7, 5))
    found = resize(pixels, height, width)
    assert found.shape == (3, height, width) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.broadcast_to([[[0]], [[255]], [[77]]], (3, height, width)))


def test_the_same_size_is_the_same():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 9, 8), dtype=np.uint8)
    np.testing.assert_array_equal(resize(pixels, 9, 8), pixels)


def test_between_two_centres_is_a_line():
    found = resize(np.array([[[0, 100]]], np.uint8), 1, 8)[0, 0]
    np.testing.assert_allclose(found, [0, 0, 12.5, 37.5, 62.5, 87.5, 100, 100], atol=0.51)


def test_a_half_is_the_mean_of_two():
    pixels = np.random.default_rng(0).integers(0, 256, (1, 6, 6), dtype=np.uint8)
    expected = pixels.reshape(1, 3, 2, 3, 2).mean((2, 4))
    np.testing.assert_allclose(resize(pixels, 3, 3), expected, atol=1)
