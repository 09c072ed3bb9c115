"""Fillers: the distributions they promise, and what they refuse."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.fillers import FILLERS, fill

SHAPE = (200, 50, 3, 3)
DEFAULTS = {"value": 0.0, "min": 0.0, "max": 1.0, "mean": 0.0, "std": 1.0, "sparse": -1, "variance_norm": 0}


def filled(kind, shape=SHAPE, **fields):
    filler = SimpleNamespace(type=kind, **(DEFAULTS | fields))
    return fill(filler, shape, np.random.default_rng(1))


@pytest.mark.parametrize("kind", sorted(FILLERS))
def test_every_filler_makes_its_own_float32_array(kind):
    array = filled(kind, (2, 3, 4, 4))
    assert array.shape == (2, 3, 4, 4)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous and array.flags.writeable
    np.testing.assert_array_equal(array, filled(kind, (2, 3, 4, 4)))


@pytest.mark.parametrize(
    ("kind", "fields", "low", "high", "mean", "deviation"),
    [
        ("constant", {"value": 2.5}, 2.5, 2.5, 2.5, 0),
        ("uniform", {"min": -1, "max": 3}, -1, 3, 1, 4 / math.sqrt(12)),
        ("gaussian", {"mean": 2, "std": 0.5}, -9, 9, 2, 0.5),
        ("gaussian", {"sparse": 20}, -9, 9, 0, math.sqrt(0.1)),
        ("xavier", {}, -math.sqrt(3 / 450), math.sqrt(3 / 450), 0, math.sqrt(1 / 450)),
        ("xavier", {"variance_norm": 1}, -math.sqrt(3 / 1800), math.sqrt(3 / 1800), 0, math.sqrt(1 / 1800)),
        ("msra", {"variance_norm": 2}, -9, 9, 0, math.sqrt(2 / 1125)),
        ("positive_unitball", {}, 0, 1, 1 / 450, 1 / 450 / math.sqrt(3)),
    ],
)
def test_the_distribution(kind, fields, low, high, mean, deviation):
    array = filled(kind, **fields)
    assert low - 1e-6 <= array.min() <= array.max() <= high + 1e-6
    assert array.mean() == pytest.approx(mean, abs=deviation / 50 + 1e-6)
    assert array.std() == pytest.approx(deviation, rel=0.03, abs=1e-6)


def test_a_sparse_gaussian_is_mostly_zero():
    assert np.mean(filled("gaussian", sparse=20) == 0) == pytest.approx(0.9, abs=0.01)


def test_slices_of_a_positive_unitball_sum_to_one():
    np.testing.assert_allclose(filled("positive_unitball").sum(axis=(1, 2, 3)), 1, rtol=1e-5)


def test_bilinear_weights_are_a_tent():
    kernel = np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(filled("bilinear", (2, 1, 4, 4)), [[kernel], [kernel]])


@pytest.mark.parametrize(
    ("kind", "shape", "fields", "says"),
    [
        ("xaver", SHAPE, {}, r"no filler `xaver`\n  help: did you mean `xavier`"),
        ("xavier", SHAPE, {"sparse": 3}, "`sparse` belongs to the filler `gaussian`"),
        ("gaussian", SHAPE, {"std": 0}, "needs a positive `std`, not 0"),
        ("gaussian", SHAPE, {"sparse": 201}, "keeps 201 of 200"),
        ("uniform", SHAPE, {"min": 2}, "needs `min` <= `max`, not 2 and 1"),
        ("bilinear", (3, 3), {}, "square kernels of four axes"),
        ("msra", (), {}, r"cannot fill the shape \[\]"),
        ("constant", (0, 3), {}, r"cannot fill the shape \[0, 3\]"),
    ],
)
def test_what_cannot_be_filled(kind, shape, fields, says):
    with pytest.raises(CompileError, match=f"E0405: .*{says}"):
        filled(kind, shape, **fields)
