"""Images as pycaffe has them: float32 arrays [height, width, channels], red first, most often from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tcaffe.data.image import File, read_unit_image

LUMINANCE = np.array([[0.2125], [0.7154], [0.0721]], np.float32)
"""How bright red, green and blue are: ITU-R BT.709, to the digits that scikit-image has."""


def load_image(filename: File, color: bool = True) -> np.ndarray:
    """The pixels of a file, from 0 to 1: three channels, or one without `color`; transparency is dropped.

    Raises OSError for a file that is no image, ImportError without Pillow.
    """
    pixels = read_unit_image(filename)
    if color:
        return np.tile(pixels, (1, 1, 3)) if pixels.shape[2] == 1 else pixels
    return pixels if pixels.shape[2] == 1 else pixels @ LUMINANCE


def resize_image(im: ArrayLike, new_dims: Sequence[int], interp_order: int = 1) -> np.ndarray:
    """The image scaled to `new_dims`, height and width: a new float32 array.

    It is interpolated by splines of degree `interp_order`, 0 to 5, without smoothing first. Images of one or three
    channels are areas: pixels are squares, and beyond the edge lies the lowest value there is, so that edges fade a
    little when an image grows. Those of other numbers of channels are samples: corners stay where they are. Nothing
    is brighter or darker than in an area before. Raises ValueError for what is no image, or for an empty size, and
    ImportError without SciPy.
    """
    image, size = np.array(im, np.float32), tuple(new_dims)
    if image.shape[:2] == size:
        return image
    if image.ndim != 3 or not image.size:
        raise ValueError(f"an image has height, width and channels: {list(image.shape)} is none")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"an image cannot be resized to {list(size)}: a height and a width are needed")
    factors = (size[0] / image.shape[0], size[1] / image.shape[1], 1)
    if image.shape[2] not in (1, 3):
        # rounding can take the last sample a step beyond the corner: a mirror there changes nothing else
        return _zoom()(image, factors, order=interp_order, mode="mirror")
    low, high = image.min(), image.max()
    resized = _zoom()(image, factors, order=interp_order, mode="grid-constant", cval=low, grid_mode=True)
    return resized.clip(low, high, out=resized)


def oversample(images: Iterable[ArrayLike], crop_dims: Sequence[int]) -> np.ndarray:
    """Ten crops of each image, one after the other: float32 [10 * images, height, width, channels].

    Top left, top right, bottom left, bottom right, centre, and the same mirrored. Raises ValueError where an image is
    smaller than the crops, or there is none.
    """
    return np.stack([crop for image in images for crop in _ten_crops(np.asarray(image), crop_dims)], dtype=np.float32)


def centre_crop(image: np.ndarray, crop_dims: Sequence[int]) -> np.ndarray:
    """The middle of an image, a view; raises ValueError where the image is smaller."""
    return list(_five_crops(image, crop_dims))[-1]


def _ten_crops(image: np.ndarray, crop_dims: Sequence[int]) -> list[np.ndarray]:
    crops = list(_five_crops(image, crop_dims))
    return crops + [crop[:, ::-1] for crop in crops]


def _five_crops(image: np.ndarray, crop_dims: Sequence[int]) -> Iterator[np.ndarray]:
    height, width = crop_dims
    bottom, right = image.shape[0] - height, image.shape[1] - width
    if min(height, width) < 1 or min(bottom, right) < 0:
        raise ValueError(f"crops of {height} x {width} cannot be taken from an image of {list(image.shape)}")
    for y, x in ((0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)):
        yield image[y : y + height, x : x + width]


def _zoom() -> Callable[..., np.ndarray]:
    """Interpolation by splines, of the optional library that is loaded when the first image is resized."""
    try:
        from scipy.ndimage import zoom
    except ImportError as error:
        raise ImportError("resizing images needs SciPy: pip install 'tcaffe[images]'") from error
    function: Callable[..., np.ndarray] = zoom
    return function
