"""Layers without bottoms: what is fed from outside, what is made from nothing, and learned blobs."""

from __future__ import annotations

from typing import Any

from tcaffe.frontend.fillers import filler_complaint
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView, Shape
from tcaffe.ir.node import Node
from tcaffe.ir.ops import abs_, const, iota

DIMENSIONS = ("num", "channels", "height", "width")


@layer("Input", tops=(1, None), source=True)
def net_input(p: LayerView) -> tuple[Node, ...]:
    """Blobs the caller feeds; one shape for all, or one for each."""
    shapes = _one_each(p, "shape", [tuple(s.dim) for s in p.shape]) if p.has("shape") else [None] * p.tops
    return tuple(p.input(i, shape, "the prototxt does not give it") for i, shape in enumerate(shapes))


@layer("Data", param=("transform_param", "data_param"), tops=(1, 2), source=True)
def database(p: LayerView) -> tuple[Node, ...]:
    """Images, and labels if asked for, from a database; the caller feeds them."""
    return _images(p, _channels(p), p.crop_size, p.crop_size)


@layer("ImageData", param=("transform_param", "image_data_param"), tops=2, source=True)
def image_files(p: LayerView) -> tuple[Node, ...]:
    """Images and labels from a list of files; the caller feeds them."""
    paired = (p.new_height > 0) == (p.new_width > 0)
    p.require(paired, "new_height", "new_height and new_width must be given together")
    return _images(p, 3 if p.is_color else 1, p.crop_size or p.new_height, p.crop_size or p.new_width)


@layer("WindowData", param=("transform_param", "window_data_param"), tops=2, source=True)
def image_windows(p: LayerView) -> tuple[Node, ...]:
    """Windows of images and their classes; the caller feeds them."""
    return _images(p, 3, p.crop_size, p.crop_size)


@layer("MemoryData", tops=2, source=True)
def memory_arrays(p: LayerView) -> tuple[Node, ...]:
    """Arrays and labels the caller holds."""
    batch = p.positive("batch_size")
    return p.input(0, (batch, *map(p.positive, DIMENSIONS[1:]))), p.input(1, (batch,))


@layer("HDF5Data", tops=(1, None), source=True)
def hdf5_arrays(p: LayerView) -> tuple[Node, ...]:
    """Data sets of HDF5 files; the caller feeds them."""
    p.require(not p.layer.HasField("transform_param"), "transform_param", "HDF5Data does not transform its data")
    return tuple(p.input(i, None, "only the HDF5 files tell it") for i in range(p.tops))


@layer("DummyData", tops=(1, None), source=True)
def dummy(p: LayerView) -> tuple[Node, ...]:
    """Blobs that fillers fill. One of plain numbers is part of the program, unless the caller gives it a shape."""
    shapes = _one_each(p, "shape", [tuple(s.dim) for s in p.shape]) if p.has("shape") else _older_shapes(p)
    fillers = _one_each(p, "data_filler", p.data_filler or [p.constant(0)])
    return tuple(_filled(p, i, *both) for i, both in enumerate(zip(shapes, fillers, strict=True)))


@layer("Parameter")
def parameter(p: LayerView) -> Node:
    """A learned blob of its own; it starts with zeros."""
    return p.blob("w", tuple(p.shape.dim))


def _one_each(p: LayerView, field: str, given: Any) -> list[Any]:
    """What a repeated field gives each top: one entry for all, or one for each."""
    fits = len(given) in (1, p.tops)
    p.require(fits, field, f"{field} is given {len(given)} times for {p.tops} tops", "once for all, or once for each")
    return [given[i % len(given)] for i in range(p.tops)]


def _images(p: LayerView, channels: int, height: int, width: int) -> tuple[Node, ...]:
    """Inputs for a batch of images and, if there is a second top, their labels."""
    both = p.has("mean_file") and p.has("mean_value")
    note = "the mean is either an image or a number for each channel"
    p.require(not both, "mean_value", "both mean_file and mean_value are given", note)
    shape = (p.batch_size, channels, height, width)
    note = "without a batch_size and the size of a crop only the data itself tells it"
    images = p.input(0, shape if min(shape) > 0 else None, note)
    return (images,) if p.tops == 1 else (images, p.input(1, images.shape[:1]))


def _channels(p: LayerView) -> int:
    """The channels of a database's images, as far as the prototxt tells: colour if it does not."""
    if p.force_gray:
        return 1
    return len(p.mean_value) if len(p.mean_value) > 1 else 3


def _older_shapes(p: LayerView) -> list[Shape]:
    """The shapes of the tops of a DummyData in the four older fields."""
    p.require(p.has("num"), "shape", "DummyData does not say the shape of its tops")
    columns = [_one_each(p, field, getattr(p, field)) if p.has(field) else None for field in DIMENSIONS]
    missing = [field for field, column in zip(DIMENSIONS, columns, strict=True) if column is None]
    p.require(not missing, "num", f"DummyData gives num but not {' and '.join(missing)}")
    return list(zip(*(column for column in columns if column), strict=True))


def _filled(p: LayerView, top: int, shape: Shape, filler: Any) -> Node:
    """What a filler makes of a blob; random numbers are drawn outside of the program."""
    complaint = filler_complaint(filler, shape)
    p.require(not complaint, "data_filler", complaint)
    if p.is_fed(top) or filler.type not in ("constant", "bilinear"):
        return p.input(top, shape)
    shape = p.sized(shape)
    return const(value=float(filler.value), shape=shape) if filler.type == "constant" else _bilinear(shape)


def _bilinear(shape: Shape) -> Node:
    """The weights of a linear interpolation: a tent over the two last, equal axes."""
    half = -(-shape[3] // 2)
    centre = (shape[3] - 1) / (2 * half)
    down, right = (1 - abs_(iota(axis=a, shape=shape) * (1 / half) - centre) for a in (2, 3))
    return down * right
