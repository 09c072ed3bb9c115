"""Detectors: windows of files, with and without what is around them."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tcaffe.data.windows import with_context
from tcaffe.pycaffe.detector import Detector
from tcaffe.pycaffe.io import load_image, resize_image
from tcaffe.pycaffe.net import Net

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("scipy")

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: %d dim: 8 dim: 8 } } }
layer { name: "same" type: "Power" bottom: "data" top: "same" }
"""
RNG = np.random.default_rng(0)
STEPS = {"mean": np.array([10.0, 20.0, 30.0]), "input_scale": 0.1, "raw_scale": 255, "channel_swap": (2, 1, 0)}
WINDOWS = [(0, 0, 20, 30), (3, 4, 11, 12), (10, 2, 18, 29)]


@pytest.fixture
def detector(tmp_path):
    """A detector whose predictions are what the net reads."""

    def make(channels=3, **more):
        (tmp_path / "net.prototxt").write_text(NET % channels)
        Net(tmp_path / "net.prototxt", 1).save(tmp_path / "net.caffemodel")
        return Detector(tmp_path / "net.prototxt", tmp_path / "net.caffemodel", **more)

    return make


@pytest.fixture
def files(tmp_path):
    """Two pictures of 20 x 30 pixels."""
    paths = [str(tmp_path / f"{name}.png") for name in "ab"]
    for path in paths:
        Image.fromarray(RNG.integers(0, 256, (20, 30, 3), np.uint8)).save(path)
    return paths


def test_windows_are_cropped_resized_and_classified_in_order(detector, files):
    asked = [(files[0], WINDOWS), (files[1], []), (files[1], np.array(WINDOWS[:2])), (files[0], [(1.0, 1.0, 9.0, 9.0)])]
    found = detector().detect_windows(iter(asked))
    assert [one["filename"] for one in found] == [files[0]] * 3 + [files[1]] * 2 + [files[0]]
    assert [tuple(one["window"]) for one in found] == [*WINDOWS, *WINDOWS[:2], (1, 1, 9, 9)]
    for one in found:
        ymin, xmin, ymax, xmax = map(int, one["window"])
        expected = resize_image(load_image(one["filename"])[ymin:ymax, xmin:xmax], (8, 8)).transpose(2, 0, 1)
        np.testing.assert_allclose(one["prediction"], expected, atol=1e-6)


def test_nothing_asked_nothing_found(detector, files):
    assert detector().detect_windows([]) == detector().detect_windows([(files[0], [])]) == []


def test_the_steps_of_the_transformer(detector, files):
    (found,) = detector(**STEPS).detect_windows([(files[0], [(3, 4, 11, 12)])])
    pixels = load_image(files[0])[3:11, 4:12].transpose(2, 0, 1)[::-1] * 255
    np.testing.assert_allclose(found["prediction"], (pixels - [[[10]], [[20]], [[30]]]) * 0.1, atol=1e-4)


# ── context ─────────────────────────────────────────────────────────────────────────────────────────


def test_context_shows_what_is_around(detector, files):
    # 4 pixels of 8 are the window's: it grows from 4 to 8 about its centre, and one more with both ends in it
    image = load_image(files[0])
    crop = detector(context_pad=2).crop(image, (8, 10, 11, 13))
    np.testing.assert_allclose(crop, resize_image(image[6:15, 8:17], (8, 8)), atol=1e-6)


@pytest.mark.parametrize("window", [(0, 0, 7, 7), (0, 20, 9, 29), (12, 0, 19, 9), (0, 0, 19, 29), (9, 9, 25, 40)])
def test_outside_of_the_image_is_the_mean(detector, files, window):
    (found,) = detector(context_pad=2, **STEPS).detect_windows([(files[0], [window])])
    ymin, xmin, ymax, xmax = window
    rows, columns = with_context(ymin, ymax, 20, 8, 2), with_context(xmin, xmax, 30, 8, 2)
    inside = np.zeros((8, 8), bool)
    inside[rows.offset : rows.offset + rows.size, columns.offset : columns.offset + columns.size] = True
    assert 0 < inside.sum() < 64
    np.testing.assert_allclose(found["prediction"][:, ~inside], 0, atol=1e-5)
    seen = load_image(files[0])[rows.start : rows.stop, columns.start : columns.stop]
    expected = resize_image(seen, (rows.size, columns.size)).transpose(2, 0, 1)[::-1] * 255
    expected = (expected - STEPS["mean"][:, None, None]) * 0.1
    np.testing.assert_allclose(found["prediction"][:, inside], expected.reshape(3, -1), atol=1e-4)


def test_the_crop_is_filled_in_the_space_of_the_image(detector, files):
    crop = detector(context_pad=2, **STEPS).crop(load_image(files[0]), (0, 0, 7, 7))
    np.testing.assert_allclose(crop[0, 0], np.array([30, 20, 10]) / 255, rtol=1e-6)
    np.testing.assert_array_equal(detector(context_pad=2).crop(load_image(files[0]), (0, 0, 7, 7))[0, 0], 0)


def test_a_mean_image_fills_with_its_own_pixels(detector, files):
    mean = RNG.random((3, 8, 8)).astype(np.float32)
    crop = detector(context_pad=2, mean=mean).crop(load_image(files[0]), (0, 0, 7, 7))
    np.testing.assert_array_equal(crop[0], mean[:, 0].T)


def test_gray_nets_see_gray(detector, files):
    (plain,) = detector(1).detect_windows([(files[0], [(3, 4, 11, 12)])])
    np.testing.assert_allclose(plain["prediction"][0], load_image(files[0], False)[3:11, 4:12, 0], atol=1e-6)
    (padded,) = detector(1, context_pad=2).detect_windows([(files[0], [(0, 0, 7, 7)])])
    assert padded["prediction"].shape == (1, 8, 8)


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("window", [(5, 5, 5, 9), (50, 50, 60, 60), (9, 9, 3, 3)])
def test_windows_of_nothing(detector, files, window):
    with pytest.raises(ValueError, match="has no pixel of an image of 20 x 30"):
        detector().detect_windows([(files[0], [window])])


def test_windows_of_nothing_with_context(detector, files):
    with pytest.raises(ValueError, match="has nothing of an image of"):
        detector(context_pad=1).detect_windows([(files[0], [(500, 500, 510, 510)])])
    with pytest.raises(ValueError, match="leave no pixel of 8 for the window"):
        detector(context_pad=4).detect_windows([(files[0], WINDOWS)])
    with pytest.raises(FileNotFoundError):
        detector().detect_windows([("none.png", WINDOWS)])


def test_selective_search_needs_its_package(detector, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "selective_search_ijcv_with_python", None)
    with pytest.raises(ImportError, match="selective search package"):
        detector().detect_selective_search(files)


def test_selective_search_proposes_windows(detector, files, monkeypatch):
    def get_windows(names, cmd):
        assert (names, cmd) == (files, "selective_search_rcnn")
        return [WINDOWS[:1], WINDOWS[1:]]

    package = SimpleNamespace(get_windows=get_windows)
    monkeypatch.setitem(sys.modules, "selective_search_ijcv_with_python", package)
    found = detector().detect_selective_search(files)
    assert [one["filename"] for one in found] == [files[0], files[1], files[1]]
    assert [one["window"] for one in found] == WINDOWS
