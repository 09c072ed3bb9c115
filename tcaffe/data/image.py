"""Image files as arrays of pixels, as Caffe reads them."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from tcaffe.diagnostics import CompileError, Diagnostic

File = str | os.PathLike[str]

LARGEST = 2**26  # pixels; a picture beyond that is decoded to a gigabyte
DEEP = {"I": 65535, "I;16": 65535, "I;16B": 65535, "I;16L": 65535, "F": 1}  # gray with more than a byte: what is white
TO_GRAY = np.array([9797, 19234, 3737], np.int32)  # 0.299 red and 0.587 green times 2^15, cut off; the rest is blue
SIXTEEN = {"I", "I;16", "I;16B", "I;16L"}
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


def decode_image(file: File | BinaryIO, channels: int | None = None) -> np.ndarray:
    """The pixels of an image as uint8 [channels, height, width], blue first: gray, colours, or what the file has.

    Colours that a palette holds count as colours, transparency as a fourth channel unless `channels` says otherwise.
    Raises OSError for what is no image, is too large, or keeps 16 bits a channel and is asked for as it is.
    """
    with open_image(file) as image:
        if image.mode in DEEP:
            if channels is None or image.mode not in SIXTEEN:
                raise OSError("it has more than 8 bits a channel")
            pixels = (np.array(image).astype(np.uint16) >> 8).astype(np.uint8)
            return np.ascontiguousarray(np.broadcast_to(pixels, (channels, *pixels.shape)))
        if channels == 1:
            image.draft("L", None)  # a JPEG has a gray channel of its own
        mode = _own_mode(image) if channels is None else "L" if image.mode in GRAY and channels == 1 else "RGB"
        pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    if pixels.ndim == 2:
        return pixels[None]
    if channels == 1:
        return ((pixels @ TO_GRAY) >> 15).astype(np.uint8)[None]
    order = (2, 1, 0, 3)[: pixels.shape[2]]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[order, :, :])


def _own_mode(image: Any) -> str:
    """Of gray, colours, and colours with transparency, what the image has."""
    if image.mode in GRAY:
        return "RGBA" if "A" in image.getbands() else "L"
    return "RGBA" if image.has_transparency_data else "RGB"


def encode_image(pixels: np.ndarray, kind: str) -> bytes:
    """An image file of a kind that Pillow knows by this ending, from uint8 [1, 3 or 4, height, width], blue first.

    Raises OSError for an ending that it does not know, ImportError without Pillow.
    """
    pillow, file = _pillow(), io.BytesIO()
    planes = pixels[(2, 1, 0, 3)[: len(pixels)], :, :] if len(pixels) > 1 else pixels
    pillow.init()
    name = pillow.EXTENSION.get(f".{kind.lower()}")
    if name is None:
        raise OSError(f"there is no kind of image `{kind}`")
    image = pillow.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)).squeeze(-1 if len(pixels) == 1 else ()))
    image.save(file, name, **({"quality": 95} if name == "JPEG" else {}))
    return file.getvalue()


@contextmanager
def open_image(path: File | BinaryIO) -> Iterator[Any]:
    """An image as Pillow shows it, decoded when its pixels are asked for.

    Raises OSError for whatever is wrong with the file, then or now, and ImportError where Pillow is not installed.
    """
    pillow = _pillow()
    name = "it" if hasattr(path, "read") else f"`{path}`"
    if isinstance(path, (str, os.PathLike)) and os.path.exists(path) and not os.path.isfile(path):
        raise OSError(f"{name} is not a file")  # a pipe would be waited for
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here
            with pillow.open(path) as file:
                if file.width * file.height > LARGEST:
                    raise OSError(f"{name} has {file.width} x {file.height} pixels: at most {LARGEST} are read")
                yield file
    except pillow.UnidentifiedImageError as error:
        raise OSError(f"{name} is no image of a known kind") from error
    except (ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise OSError(f"{name} is a broken image: {error}") from error


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
