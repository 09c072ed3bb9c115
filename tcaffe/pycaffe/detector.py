"""Detectors: nets that tell what windows of an image show."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tcaffe.data.windows import with_context
from tcaffe.pycaffe.images import load_image, resize_image
from tcaffe.pycaffe.net import Net
from tcaffe.pycaffe.parameters import File
from tcaffe.pycaffe.settings import TEST
from tcaffe.pycaffe.transformer import image_transformer

Window = Sequence[int]


class Detector(Net):
    """A net for windows of images in TEST phase, with what is done to a window before: `transformer`.

    With `context_pad`, windows are cropped with what is around them, so much that it makes that many pixels at each
    side of the net's first input. `mean`, `input_scale`, `raw_scale` and `channel_swap` are those of a Transformer.
    """

    def __init__(
        self,
        model_file: File,
        pretrained_file: File,
        mean: ArrayLike | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        shape = self.blobs[self.inputs[0]].shape
        self.transformer = image_transformer(self.inputs[0], shape, mean, input_scale, raw_scale, channel_swap)
        self.context_pad = context_pad or 0
        self._channels, *self._size = shape[1:]

    def detect_windows(self, images_windows: Iterable[tuple[File, Iterable[Window]]]) -> list[dict[str, Any]]:
        """What the net says of windows (ymin, xmin, ymax, xmax) of image files, in their order.

        A dict for each, with `window`, `prediction` and `filename`. Raises ValueError as `crop` does, OSError for a
        file that is no image.
        """
        found, batch = list[dict[str, Any]](), list[np.ndarray]()
        for filename, windows in images_windows:
            image = load_image(filename, color=self._channels != 1)
            for window in windows:
                batch.append(self.transformer.preprocess(self.inputs[0], self.crop(image, window)))
                found.append({"window": window, "filename": filename})
        predictions = self.forward_all(**{self.inputs[0]: np.stack(batch)})[self.outputs[0]] if batch else ()
        return [{**one, "prediction": prediction} for one, prediction in zip(found, predictions, strict=True)]

    def detect_selective_search(self, image_fnames: Iterable[str]) -> list[dict[str, Any]]:
        """What the net says of the windows that selective search proposes; raises ImportError without that package."""
        names = [os.path.abspath(name) for name in image_fnames]
        windows = _selective_search().get_windows(names, cmd="selective_search_rcnn")
        return self.detect_windows(zip(names, windows, strict=True))

    def crop(self, im: np.ndarray, window: Window) -> np.ndarray:
        """A window of an image, without xmax and ymax themselves; with context, in the size of the net's input.

        What of the context lies outside the image is what the net reads as zeros: the mean. Raises ValueError for a
        window without a pixel in the image, and for a context that leaves no room for windows.
        """
        ymin, xmin, ymax, xmax = (int(side) for side in window)
        if self.context_pad:
            return self._with_context(im, (ymin, ymax), (xmin, xmax))
        crop = im[ymin:ymax, xmin:xmax]
        if not crop.size:
            raise ValueError(f"window {list(window)} has no pixel of an image of {im.shape[0]} x {im.shape[1]}")
        return crop

    def _with_context(self, im: np.ndarray, ys: tuple[int, int], xs: tuple[int, int]) -> np.ndarray:
        rows, columns = (
            with_context(*ends, length, crop, self.context_pad)
            for ends, length, crop in zip((ys, xs), im.shape, self._size, strict=False)
        )
        crop = self._outside()
        if rows.size and columns.size:
            seen = im[rows.start : rows.stop, columns.start : columns.stop]
            place = np.s_[rows.offset : rows.offset + rows.size, columns.offset : columns.offset + columns.size]
            crop[place] = resize_image(seen, (rows.size, columns.size))
        return crop

    def _outside(self) -> np.ndarray:
        """An image of the input's size that becomes zeros when it is preprocessed."""
        zeros = np.zeros((self._channels, *self._size), np.float32)
        return self.transformer.deprocess(self.inputs[0], zeros).reshape(*self._size, self._channels)


def _selective_search() -> ModuleType:
    """The package that proposes windows, which no package index has."""
    try:
        import selective_search_ijcv_with_python as library
    except ImportError as error:
        hint = "put selective_search_ijcv_with_python on PYTHONPATH"
        raise ImportError(f"proposing windows needs the selective search package: {hint}") from error
    module: ModuleType = library
    return module
