"""Windows with context: where they lie in the image and in the crop."""

from pathlib import Path

import numpy as np
import pytest

from tcaffe.data.windows import Span, with_context

RECORDED = Path(__file__).parents[3] / "shared/golden/data"


def test_without_context_a_window_fills_the_crop():
    assert with_context(10, 19, 100, crop=227, pad=0)[1:] == (21, 0, 227)  # as always, up to the centre plus a half
    assert with_context(10, 19, 100, crop=227, pad=0).start == 10


def test_a_window_grows_about_its_centre():
    # 20 pixels, of 8 + 2 * 2 that are seen: 40 - 20 to 40 + 20 about the centre, 40
    assert with_context(30, 49, 100, crop=8, pad=2) == Span(20, 61, 0, 8)


def test_what_lies_before_the_image_moves_the_rest():
    # -10 to 30: 10 of 41 pixels are missing, 2 of 8
    assert with_context(0, 19, 100, crop=8, pad=2) == Span(0, 31, 2, 6)


def test_what_lies_behind_the_image_leaves_room_at_the_end():
    # 70 to 110 of 0 to 99: 30 of 41 pixels are there
    assert with_context(80, 99, 100, crop=8, pad=2) == Span(70, 100, 0, 6)


def test_halves_are_rounded_away_from_zero():
    # about the centre 0.5, 1 to each side: -0.5 and 1.5
    assert with_context(0, 0, 10, crop=4, pad=1) == Span(0, 3, 1, 3)


def test_a_large_window_may_be_no_pixel_of_the_crop():
    assert with_context(-100_000, 0, 10, crop=4, pad=0) == Span(0, 2, 4, 0)


def test_a_crop_is_never_left():
    for first in range(-30, 30):
        for extent in range(1, 40):
            for pad in range(4):
                try:
                    span = with_context(first, first + extent - 1, 20, 8, pad)
                except ValueError:
                    continue
                assert 0 <= span.start < span.stop <= 20
                assert 0 <= span.offset <= span.offset + span.size <= 8


@pytest.mark.parametrize(
    ("first", "last", "pad", "complaint"),
    [
        (0, 9, 4, "leave no pixel of 8 for the window"),
        (0, 9, -1, "leave no pixel of 8 for the window"),
        (300, 310, 1, "has nothing of an image of 100 pixels"),
        (-30, -20, 1, "has nothing of an image of 100 pixels"),
        (50, 49, 1, "has nothing of an image of 100 pixels"),
        (50, 20, 1, "has nothing of an image of 100 pixels"),
    ],
)
def test_windows_of_nothing(first, last, pad, complaint):
    with pytest.raises(ValueError, match=complaint):
        with_context(first, last, 100, 8, pad)


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded windows are not here")
@pytest.mark.parametrize(("case", "pad"), [("window_context_pad", 2), ("window_context_pad_edge", 3)])
def test_recorded_windows_cover_the_same_pixels(case, pad):
    (_, _, _, height, width, _), *windows = recorded_windows(RECORDED / f"win_{case}.txt")
    expected = set()
    for _, _, x1, y1, x2, y2 in windows:
        rows, columns = with_context(y1, y2, height, 14, pad), with_context(x1, x2, width, 14, pad)
        covered = np.zeros((14, 14), bool)
        covered[rows.offset : rows.offset + rows.size, columns.offset : columns.offset + columns.size] = True
        expected.add(covered.tobytes())
    crops = np.load(RECORDED / f"cases/{case}/case.npz")["batch0/data"]
    assert {(crop != 0).any(0).tobytes() for crop in crops} == expected


def recorded_windows(path):
    """The heading of the only image of a file of windows, in six parts, then the windows."""
    words = path.read_text("utf-8").split()
    numbers = [[int(float(word)) for word in words[k : k + 6]] for k in range(7, len(words), 6)]
    return [(*words[:3], int(words[4]), int(words[5]), words[6]), *numbers]
