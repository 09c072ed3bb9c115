"""Image files as arrays of pixels, as Caffe reads them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic

File = str | os.PathLike[str]

LARGEST = 2**26  # pixels; a picture beyond that is decoded to a gigabyte
DEEP = {"I": 65535, "I;16": 65535, "I;16B": 65535, "I;16L": 65535, "F": 1}  # gray with more than a byte: what is white
GRAY = {"1", "L", "LA", "La"}


def read_image(path: File, channels: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """The pixels of an image as float32 [channels, height, width] from 0 to 255, blue first; gray for one channel.

    `size` is the (height, width) it is scaled to. Raises CompileError (E0608) for a file that is no image, is larger
    than any photograph, or where Pillow is not installed.
    """
    mode = {1: "L", 3: "RGB"}.get(channels)
    if mode is None:
        raise _error(f"`{path}` cannot be an image of {channels} channels", "images have 1 or 3")
    try:
        with open_image(path) as file:
            image = file.convert(mode)
            if size:
                image = image.resize((size[1], size[0]), _pillow().Resampling.BILINEAR)
    except ImportError as error:
        raise _error("images need Pillow", suggestion="pip install tcaffe[images]") from error
    except OSError as error:
        raise _error(f"cannot read `{path}` as an image: {error}") from error
    pixels = np.asarray(image, np.float32).reshape(image.height, image.width, channels)
    return np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1))


def read_unit_image(path: File) -> np.ndarray:
    """The pixels of an image as float32 [height, width, channels] from 0 to 1: gray, or red first, never transparent.

    Raises OSError for a file that is no image or is larger than any photograph, ImportError without Pillow.
    """
    with open_image(path) as image:
        if image.mode in DEEP:
            pixels, white = np.array(image, np.float32), DEEP[image.mode]
        else:
            pixels, white = np.array(image.convert("L" if image.mode in GRAY else "RGB"), np.float32), 255
    pixels /= white
    return pixels.reshape(*pixels.shape[:2], -1)


@contextmanager
def open_image(path: File) -> Iterator[Any]:
    """An image as Pillow shows it, decoded when its pixels are asked for.

    Raises OSError for whatever is wrong with the file, then or now, and ImportError where Pillow is not installed.
    """
    pillow = _pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here
            with pillow.open(path) as file:
                if file.width * file.height > LARGEST:
                    raise OSError(f"`{path}` has {file.width} x {file.height} pixels: at most {LARGEST} are read")
                yield file
    except (ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise OSError(f"`{path}` is a broken image: {error}") from error


def _pillow() -> ModuleType:
    """The optional library, loaded when the first image is read."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("reading images needs Pillow: pip install 'tcaffe[images]'") from error
    module: ModuleType = Image
    return module


def _error(message: str, note: str = "", suggestion: str = "") -> CompileError:
    return CompileError([Diagnostic("E0608", message, note=note, suggestion=suggestion)])
