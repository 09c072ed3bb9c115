"""WindowData: which windows are drawn, what they show, and files that are not like that."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tcaffe.diagnostics import CompileError

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def source(tmp_path):
    """An image with two things, two backgrounds, and a window between the thresholds."""
    Image.fromarray(PIXELS).save(tmp_path / "image.png")
    (tmp_path / "windows.txt").write_text("""# 0
image.png 3 20 30 5
4 0.9 0 0 9 9
7 0.6 5 5 14 14
4 0.4 2 2 9 9
1 0.2 10 3 19 12
0 0.0 20 10 29 19
""")
    return tmp_path / "windows.txt"


def layer(source, batch=8, more="", transform=""):
    p = f'source: "{source}" root_folder: "{source.parent}/" batch_size: {batch} bg_threshold: 0.3 {more}'
    t = f"crop_size: 10 {transform}"
    return f'type: "WindowData" top: "data" top: "label" window_data_param {{ {p} }} transform_param {{ {t} }}'


def test_backgrounds_come_first_and_have_no_class(source, feed, labels):
    windows = feed(layer(source))
    assert windows.shapes == {"data": (8, 3, 10, 10), "label": (8,)}
    found = np.array(labels(windows, 20))
    assert (found[:, :6] == 0).all() and set(found[:, 6:].ravel()) == {4, 7}


def test_what_is_shown_is_the_window(source, feed):
    shown = {tuple(item.ravel()) for _ in range(10) for item in feed(layer(source)).batch({})["data"]}
    image = PIXELS[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    expected = [image[:, y : y + 10, x : x + 10] for x, y in ((0, 0), (5, 5), (10, 3), (20, 10))]
    assert shown <= {tuple(view.ravel()) for view in expected}


def test_mirrors_mean_and_scale(source, feed):
    windows = feed(layer(source, 4, "scale: 2 fg_fraction: 1 fg_threshold: 0.8", "mirror: true mean_value: 5"))
    view = (PIXELS[:10, :10, ::-1].transpose(2, 0, 1).astype(np.float32) - 5) * 2
    turned = [not np.array_equal(item, view) for _ in range(8) for item in windows.batch({})["data"]]
    assert 4 < sum(turned) < 28
    for item in windows.batch({})["data"]:
        assert np.array_equal(item, view) or np.array_equal(item, view[:, :, ::-1])


@pytest.mark.parametrize("more", ["", "cache_images: true", "context_pad: 2", 'crop_mode: "square"'])
def test_a_position_says_what_comes(source, feed, resumes, more):
    resumes(lambda: feed(layer(source, 5, more, "mirror: true"), train=True, seed=1))


@pytest.mark.parametrize("text, message", [
    ("", "names no image"),
    ("# 1\nimage.png 3 5 5 0", "`# 0` should be where"),
    ("# 0\nimage.png 3 5 5 2\n1 0.9 0 0 4 4", "ends in the middle"),
    ("# 0\nimage.png 3 5 5 one", "invalid literal"),
    ("# 0\nimage.png 3 20 30 1\n1 0.9 0 0 4 4", "no background windows"),
    ("# 0\nimage.png 3 20 30 2\n0 0.9 0 0 4 4\n0 0 0 0 4 4", "foreground window of class 0"),
    ("# 0\nimage.png 3 20 30 2\n1 0.9 0 0 4 4\n0 0 25 0 40 4", "does not lie in an image of 30 pixels"),
])  # fmt: skip
def test_files_that_are_not_like_that(tmp_path, source, feed, text, message):
    (tmp_path / "windows.txt").write_text(text)
    with pytest.raises(CompileError, match=f"E0619: .*{message}"):
        feed(layer(source)).batch({})


def test_an_image_that_cannot_be_read_is_told(tmp_path, source, feed):
    (tmp_path / "image.png").unlink()
    for more in ("", "cache_images: true"):
        with pytest.raises(CompileError, match=r"E0608: the image `.*image.png` cannot be used"):
            feed(layer(source, more=more)).batch({})
