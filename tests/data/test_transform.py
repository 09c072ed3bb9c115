"""Transformations: the numbers a net is fed, the statistics of what is random, and settings that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.data.transform import Transform
from tcaffe.diagnostics import CompileError
from tcaffe.schema import caffe_pb2

PIXELS = np.arange(3 * 6 * 7, dtype=np.uint8).reshape(3, 6, 7)


def transformed(pixels=PIXELS, train=False, seed=0, **fields):
    transform = Transform(caffe_pb2.TransformationParameter(**fields), train)
    out = np.empty(transform.shape(pixels.shape), np.float32)
    transform(pixels, np.random.default_rng(seed), out)
    return out


def mean_file(tmp_path, array, shape=None):
    blob = caffe_pb2.BlobProto(data=array.ravel().tolist())
    blob.shape.dim.extend(shape or array.shape)
    (tmp_path / "mean.binaryproto").write_bytes(blob.SerializeToString())
    return str(tmp_path / "mean.binaryproto")


def test_pixels_become_numbers():
    np.testing.assert_array_equal(transformed(), PIXELS.astype("f"))


def test_mean_goes_before_scale():
    np.testing.assert_allclose(transformed(mean_value=[10], scale=0.5), (PIXELS - 10.0) * 0.5)
    each = np.array([1, 2, 3])[:, None, None]
    np.testing.assert_allclose(transformed(mean_value=[1, 2, 3]), PIXELS.astype("f") - each)


def test_the_middle_is_cropped_in_tests():
    np.testing.assert_array_equal(transformed(crop_size=4), PIXELS[:, 1:5, 1:5])


def test_a_mean_is_cropped_and_mirrored_with_the_pixels(tmp_path):
    mean = np.random.default_rng(1).normal(size=PIXELS.shape).astype("f")
    file = mean_file(tmp_path, mean, (1, *mean.shape))
    results = [transformed(train=True, seed=s, crop_size=4, mirror=True, mean_file=file) for s in range(40)]
    whole = PIXELS - mean
    views = [w[:, r : r + 4, c : c + 4] for w in (whole,) for r in range(3) for c in range(4)]
    views += [view[:, :, ::-1] for view in views]
    for found in results:
        assert sum(np.allclose(found, view) for view in views) == 1


def test_crops_and_mirrors_are_all_as_likely():
    counts: dict = {}
    for seed in range(1200):
        out = transformed(train=True, seed=seed, crop_size=5, mirror=True)
        flip = out[0, 0, 0] > out[0, 0, 1]
        corner = out[0, 0].min()
        counts[flip, corner] = counts.get((flip, corner), 0) + 1
    assert len(counts) == 2 * 2 * 3  # sides, rows, columns
    assert min(counts.values()) > 60 and max(counts.values()) < 145  # 100 each; four standard deviations are 38


def test_mirrors_are_drawn_in_tests_too():
    assert len({transformed(seed=s, mirror=True)[0, 0, 0] for s in range(20)}) == 2


@pytest.mark.parametrize("fields, message", [
    ({"crop_size": 7}, "`crop_size` is 7, larger than an item of 6 x 7"),
    ({"mean_value": [1, 2]}, "2 `mean_value` for 3 channels"),
    ({"force_color": True, "force_gray": True}, "both `force_color` and `force_gray`"),
    ({"mean_file": "x", "mean_value": [1]}, "both `mean_file` and `mean_value`"),
])  # fmt: skip
def test_what_does_not_fit_is_told(fields, message):
    with pytest.raises(CompileError, match=f"E0618: .*{message}"):
        transformed(**fields)


def test_a_mean_of_another_size_is_told(tmp_path):
    with pytest.raises(CompileError, match=r"E0618: the mean in .* is \[3, 5, 5\], an item \[3, 6, 7\]"):
        transformed(mean_file=mean_file(tmp_path, np.zeros((3, 5, 5))))
