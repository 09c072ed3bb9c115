"""Classifiers: nets that tell what an image shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tcaffe.pycaffe.images import centre_crop, resize_image
from tcaffe.pycaffe.images import oversample as ten_crops
from tcaffe.pycaffe.net import Net
from tcaffe.pycaffe.parameters import File
from tcaffe.pycaffe.settings import TEST
from tcaffe.pycaffe.transformer import image_transformer


class Classifier(Net):
    """A net for images in TEST phase, with what is done to images before: `transformer`.

    Images are resized to `image_dims`, height and width, the size of the net's first input by default; from there
    crops are taken in the input's size, `crop_dims`. `mean`, `input_scale`, `raw_scale` and `channel_swap` are those
    of a Transformer.
    """

    def __init__(
        self,
        model_file: File,
        pretrained_file: File,
        image_dims: Sequence[int] | None = None,
        mean: ArrayLike | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        shape = self.blobs[self.inputs[0]].shape
        self.transformer = image_transformer(self.inputs[0], shape, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = shape[2:]
        self.image_dims = self.crop_dims if image_dims is None else tuple(image_dims)

    def predict(self, inputs: Iterable[ArrayLike], oversample: bool = True) -> np.ndarray:
        """What the net says of each image [height, width, channels]: [images, outputs] of its first output blob.

        With `oversample` it is the mean over ten crops, else of the centre alone. Raises ValueError where there is no
        image, or one is smaller than the crops.
        """
        images = [resize_image(image, self.image_dims) for image in inputs]
        crops = ten_crops(images, self.crop_dims) if oversample else [centre_crop(i, self.crop_dims) for i in images]
        batch = np.stack([self.transformer.preprocess(self.inputs[0], crop) for crop in crops])
        predictions = self.forward_all(**{self.inputs[0]: batch})[self.outputs[0]]
        return predictions.reshape(len(images), len(crops) // len(images), -1).mean(1)
