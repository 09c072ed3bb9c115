"""Classifiers: what is done to images before the net, and to predictions behind it."""

import numpy as np
import pytest

from tcaffe.pycaffe.classifier import Classifier
from tcaffe.pycaffe.images import centre_crop
from tcaffe.pycaffe.io import Transformer, oversample, resize_image
from tcaffe.pycaffe.net import Net

pytest.importorskip("scipy")

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 dim: 5 dim: 6 } } }
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
  inner_product_param { num_output: 7 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }
"""
MORE_AXES = """
layer { name: "image" type: "Reshape" bottom: "prob" top: "image"
  reshape_param { shape { dim: 0 dim: 7 dim: 1 dim: 1 } } }
"""
RNG = np.random.default_rng(0)
IMAGES = [RNG.random((9, 8, 3)).astype(np.float32), RNG.random((12, 7, 3)), RNG.random((5, 6, 3))]
STEPS = {"mean": np.array([1.0, 2.0, 3.0]), "input_scale": 0.1, "raw_scale": 9, "channel_swap": (2, 1, 0)}


@pytest.fixture
def files(tmp_path):
    """A net and its weights."""
    (tmp_path / "net.prototxt").write_text(NET)
    Net(tmp_path / "net.prototxt", 1).save(tmp_path / "net.caffemodel")
    return tmp_path / "net.prototxt", tmp_path / "net.caffemodel"


def expected(files, crops, **steps):
    """What the net says of each crop, by itself."""
    net = Net(files[0], 1, weights=files[1])
    transformer = Transformer({"data": (4, 3, 5, 6)})
    transformer.set_transpose("data", (2, 0, 1))
    for step, value in steps.items():
        getattr(transformer, f"set_{step}")("data", value)
    return net.forward_all(data=[transformer.preprocess("data", crop) for crop in crops])["prob"]


@pytest.mark.parametrize("steps", [{}, STEPS, {"raw_scale": 255}])
def test_ten_crops_are_averaged(files, steps):
    found = Classifier(*files, image_dims=(8, 10), **steps).predict(IMAGES)
    crops = oversample([resize_image(image, (8, 10)) for image in IMAGES], (5, 6))
    assert found.shape == (3, 7)
    np.testing.assert_allclose(found, expected(files, crops, **steps).reshape(3, 10, 7).mean(1), rtol=1e-5)


def test_or_the_centre_alone(files):
    found = Classifier(*files, image_dims=[8, 10], **STEPS).predict(iter(IMAGES), oversample=False)
    crops = [centre_crop(resize_image(image, (8, 10)), (5, 6)) for image in IMAGES]
    np.testing.assert_allclose(found, expected(files, crops, **STEPS), rtol=1e-6)


def test_images_are_resized_to_the_input_by_default(files):
    classifier = Classifier(*files)
    assert tuple(classifier.image_dims) == tuple(classifier.crop_dims) == (5, 6)
    crops = [resize_image(image, (5, 6)) for image in IMAGES]
    np.testing.assert_allclose(classifier.predict(IMAGES, oversample=False), expected(files, crops), rtol=1e-6)


def test_steps_that_are_not_given_are_left_out(files):
    transformer = Classifier(*files, input_scale=None, raw_scale=None).transformer
    np.testing.assert_array_equal(transformer.preprocess("data", IMAGES[2]), np.float32(IMAGES[2]).transpose(2, 0, 1))


def test_scores_with_more_axes_are_rows_too(files):
    files[0].write_text(NET + MORE_AXES)
    assert Classifier(*files).predict(IMAGES).shape == Classifier(*files).predict(IMAGES, False).shape == (3, 7)


def test_it_is_a_net_in_test_phase(files):
    files[0].write_text(NET + 'layer { name: "drop" type: "Dropout" bottom: "prob" top: "out" }')
    classifier = Classifier(*files)
    assert isinstance(classifier, Net)
    np.testing.assert_allclose(classifier.predict(IMAGES).sum(1), 1, rtol=1e-5)


def test_what_cannot_be_classified(files):
    with pytest.raises(ValueError):
        Classifier(*files).predict([])
    with pytest.raises(ValueError):
        Classifier(*files).predict([np.zeros((5, 6))[:, :3]])
    with pytest.raises(ValueError, match="cannot be taken from an image"):
        Classifier(*files, image_dims=(4, 4)).predict(IMAGES)
    with pytest.raises(ValueError, match="mean of shape"):
        Classifier(*files, mean=np.zeros(2))
    with pytest.raises(RuntimeError, match="Could not open file"):
        Classifier("none.prototxt", files[1])
