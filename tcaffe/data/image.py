"""Image files as arrays of pixels, as Caffe reads them."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic

LARGEST = 2**26  # pixels; a picture beyond that is decoded to a gigabyte


def read_image(path: str | os.PathLike[str], channels: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """The pixels of an image as float32 [channels, height, width] from 0 to 255, blue first; gray for one channel.

    `size` is the (height, width) it is scaled to. Raises CompileError (E0608) for a file that is no image, is larger
    than any photograph, or where Pillow is not installed.
    """
    pillow = _pillow()
    mode = {1: "L", 3: "RGB"}.get(channels)
    if mode is None:
        raise _error(f"`{path}` cannot be an image of {channels} channels", "images have 1 or 3")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here
            with pillow.open(path) as file:
                if file.width * file.height > LARGEST:
                    raise _error(f"`{path}` has {file.width} x {file.height} pixels", f"at most {LARGEST} are read")
                image = file.convert(mode)
        if size:
            image = image.resize((size[1], size[0]), pillow.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise _error(f"cannot read `{path}` as an image: {error}") from error
    pixels = np.asarray(image, np.float32).reshape(image.height, image.width, channels)
    return np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1))


def _pillow() -> Any:
    """Pillow, if it is installed; raises CompileError if not."""
    try:
        from PIL import Image
    except ImportError as error:
        raise _error("images need Pillow", suggestion="pip install tcaffe[images]") from error
    return Image


def _error(message: str, note: str = "", suggestion: str = "") -> CompileError:
    return CompileError([Diagnostic("E0608", message, note=note, suggestion=suggestion)])
