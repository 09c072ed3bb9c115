"""From images to the inputs of a net, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tcaffe.pycaffe.images import resize_image

Order = Sequence[int]


class Transformer:
    """What is done to images before a net reads them, for each input by its name.

    An image [height, width, channels] is resized to its input, transposed, its channels are put in another order, it
    is multiplied by the raw scale, the mean is taken away, and it is multiplied by the input scale. Steps that are
    not set are left out. `inputs` are the shapes of input blobs, whose first axis counts items. A name that is none of
    them raises Exception everywhere.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.transpose: dict[str, Order] = {}
        self.channel_swap: dict[str, Order] = {}
        self.raw_scale: dict[str, float | None] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float | None] = {}

    # ── the steps ───────────────────────────────────────────────────────────────────────────────────

    def set_transpose(self, in_: str, order: Order) -> None:
        """Put the axes of an image in this order, (2, 0, 1) for channels first; Exception for a wrong number."""
        axes = len(self._shape(in_)) - 1
        if len(order) != axes:
            raise Exception(f"the order {tuple(order)} is not of the {axes} axes that an item of input {in_!r} has")
        self.transpose[in_] = tuple(order)

    def set_channel_swap(self, in_: str, order: Order) -> None:
        """Put the channels, the first axis by then, in this order; Exception for a wrong number of them."""
        channels = self._shape(in_)[1]
        if len(order) != channels:
            raise Exception(f"the order {tuple(order)} is not of the {channels} channels that input {in_!r} has")
        self.channel_swap[in_] = tuple(order)

    def set_raw_scale(self, in_: str, scale: float | None) -> None:
        """Multiply by `scale` before the mean is taken away: 255 for nets that were trained on bytes."""
        self._shape(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: ArrayLike) -> None:
        """Take away a number a channel, or an image [channels, height, width], which is resized to the input.

        Raises ValueError for another number of channels or axes. One image of two axes is taken if it has the very
        size of an input of one channel.
        """
        shape, array = self._shape(in_)[1:], np.array(mean, np.float32)
        if array.shape == shape[:1]:
            self.mean[in_] = array[:, None, None]
        elif (1, *array.shape) == shape:
            self.mean[in_] = array[None]
        elif array.ndim == 3 and array.shape[0] in (1, shape[0]):
            self.mean[in_] = resize_image(array.transpose(1, 2, 0), shape[1:]).transpose(2, 0, 1)
        else:
            raise ValueError(f"a mean of shape {list(array.shape)} does not fit input {in_!r}, {list(shape)} an item")

    def set_input_scale(self, in_: str, scale: float | None) -> None:
        """Multiply by `scale` at last."""
        self._shape(in_)
        self.input_scale[in_] = scale

    # ── the way there and back ──────────────────────────────────────────────────────────────────────

    def preprocess(self, in_: str, data: ArrayLike) -> np.ndarray:
        """The input that an image [height, width, channels] becomes: a new float32 array."""
        image = resize_image(data, self._shape(in_)[2:])
        if in_ in self.transpose:
            image = image.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            image = image[list(self.channel_swap[in_])]
        if (scale := self.raw_scale.get(in_)) is not None:
            image *= scale
        if in_ in self.mean:
            image -= self.mean[in_]
        if (scale := self.input_scale.get(in_)) is not None:
            image *= scale
        return image

    def deprocess(self, in_: str, data: ArrayLike) -> np.ndarray:
        """The image that became an input, in the input's size and without axes of length one: a new float32 array.

        `data` is one item, with or without the axis that counts items; raises ValueError for more of them.
        """
        image = np.array(data, np.float32)
        image = image.reshape(image.shape[-len(self._shape(in_)[1:]) :])
        if (scale := self.input_scale.get(in_)) is not None:
            image /= scale
        if in_ in self.mean:
            image += self.mean[in_]
        if (scale := self.raw_scale.get(in_)) is not None:
            image /= scale
        if in_ in self.channel_swap:
            image = image[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            image = image.transpose(np.argsort(self.transpose[in_]))
        return image.squeeze()

    def _shape(self, in_: str) -> tuple[int, ...]:
        if in_ not in self.inputs:
            raise Exception(f"{in_!r} is not one of the inputs of the net: {', '.join(map(repr, self.inputs))}")
        return self.inputs[in_]


def image_transformer(
    in_: str,
    shape: Sequence[int],
    mean: ArrayLike | None = None,
    input_scale: float | None = None,
    raw_scale: float | None = None,
    channel_swap: Iterable[int] | None = None,
) -> Transformer:
    """A transformer for one input of images, channels first; steps that are None are left out."""
    transformer = Transformer({in_: shape})
    transformer.set_transpose(in_, (2, 0, 1))
    transformer.set_input_scale(in_, input_scale)
    transformer.set_raw_scale(in_, raw_scale)
    if mean is not None:
        transformer.set_mean(in_, mean)
    if channel_swap is not None:
        transformer.set_channel_swap(in_, tuple(channel_swap))
    return transformer
