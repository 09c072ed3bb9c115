"""Layers without bottoms: what is fed from outside, what is made from nothing, and learned blobs."""

from __future__ import annotations

from typing import Any

from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import abs_, const, iota

Shape = tuple[int, ...]


@layer("Input", tops=(1, None), source=True)
def net_input(p: LayerView) -> tuple[Node, ...]:
    """Blobs the caller feeds; one shape for all, or one for each."""
    shapes = [tuple(s.dim) for s in p.shape] if p.has("shape") else [None]
    p.require(len(shapes) in (1, p.tops), "shape", f"{len(shapes)} shapes for {p.tops} tops", "give one for all, or one for each")
    note = "the prototxt gives this Input no shape"
    return tuple(p.input(i, shapes[i % len(shapes)], note) for i in range(p.tops))


@layer("Data", param=("transform_param", "data_param"), tops=(1, 2), source=True)
def database(p: LayerView) -> tuple[Node, ...]:
    """Images, and labels if asked for, from a database; the caller feeds them."""
    return _images(p, p.batch_size, p.crop_size, p.crop_size, _channels(p))


@layer("ImageData", param=("transform_param", "image_data_param"), tops=2, source=True)
def image_files(p: LayerView) -> tuple[Node, ...]:
    """Images and labels from a list of files; the caller feeds them."""
    height, width = (p.crop_size,) * 2 if p.crop_size else (p.new_height, p.new_width)
    p.require((p.new_height > 0) == (p.new_width > 0), "new_height", "new_height and new_width must be given together")
    return _images(p, p.batch_size, height, width, 3 if p.is_color else 1)


@layer("WindowData", param=("transform_param", "window_data_param"), tops=2, source=True)
def image_windows(p: LayerView) -> tuple[Node, ...]:
    """Windows of images and their classes; the caller feeds them."""
    return _images(p, p.batch_size, p.crop_size, p.crop_size, 3)


@layer("MemoryData", param=("memory_data_param", "transform_param"), tops=2, source=True)
def memory_arrays(p: LayerView) -> tuple[Node, ...]:
    """Arrays and labels the caller holds."""
    shape = (p.batch_size, p.channels, p.height, p.width)
    fields = ("batch_size", "channels", "height", "width")
    missing = [f for f, n in zip(fields, shape, strict=True) if n == 0]
    p.require(not missing, "", f"MemoryData does not say its {' and '.join(missing)}", f"it needs {', '.join(fields)}")
    return p.input(0, shape), p.input(1, shape[:1])


@layer("HDF5Data", param="hdf5_data_param", tops=(1, None), source=True)
def hdf5_arrays(p: LayerView) -> tuple[Node, ...]:
    """Data sets of HDF5 files; the caller feeds them."""
    p.require(not p.layer.HasField("transform_param"), "transform_param", "HDF5Data does not transform its data")
    note = "only the HDF5 files tell it"
    return tuple(p.input(i, None, note) for i in range(p.tops))


@layer("DummyData", tops=(1, None), source=True)
def dummy(p: LayerView) -> tuple[Node, ...]:
    """Blobs that a filler fills. Constants are part of the program unless the caller gives the blob a shape."""
    shapes, fillers = _dummy_shapes(p), p.data_filler or (p.constant(0),)
    p.require(len(shapes) in (1, p.tops), "shape", f"{len(shapes)} shapes for {p.tops} tops", "give one for all, or one for each")
    p.require(len(fillers) in (1, p.tops), "data_filler", f"{len(fillers)} fillers for {p.tops} tops",
              "give none, one for all, or one for each")
    return tuple(_filled(p, i, shapes[i % len(shapes)], fillers[i % len(fillers)]) for i in range(p.tops))


@layer("Parameter")
def parameter(p: LayerView) -> Node:
    """A learned blob of its own; it starts with zeros."""
    return p.blob("w", tuple(p.shape.dim))


def _images(p: LayerView, batch: int, height: int, width: int, channels: int) -> tuple[Node, ...]:
    """Inputs for a batch of images and, if there is a second top, their labels."""
    known = batch > 0 and height > 0 and width > 0
    shape = (batch, channels, height, width) if known else None
    note = "without a batch_size and a crop_size only the data itself tells it"
    images = p.input(0, shape, note)
    return (images, p.input(1, (batch,) if batch else images.shape[:1])) if p.tops > 1 else (images,)


def _channels(p: LayerView) -> int:
    """The number of channels the transformation lets one expect of a database's images: colour unless it says otherwise."""
    return 1 if p.force_gray else 3 if p.force_color or len(p.mean_value) < 2 else len(p.mean_value)


def _dummy_shapes(p: LayerView) -> list[Shape]:
    """The shapes of the tops, from `shape` or from the four older fields."""
    older = [f for f in ("num", "channels", "height", "width") if p.has(f)]
    if not older:
        p.require(p.has("shape"), "", "DummyData does not say its shape")
        return [tuple(s.dim) for s in p.shape]
    p.require(not p.has("shape"), "shape", f"both shape and {older[0]} are given", "shape is the newer form")
    columns = [getattr(p, f) for f in ("num", "channels", "height", "width")]
    for field, column in zip(("num", "channels", "height", "width"), columns, strict=True):
        p.require(len(column) in (1, p.tops), field, f"{field} is given {len(column)} times for {p.tops} tops")
    return [tuple(c[i % len(c)] for c in columns) for i in range(p.tops)]


def _filled(p: LayerView, top: int, shape: Shape, filler: Any) -> Node:
    """What a filler makes of a blob: random values are drawn outside of the program."""
    if p.is_fed(top) or filler.type not in ("constant", "bilinear"):
        return p.input(top, shape)
    p.require(min(shape, default=1) > 0, "shape", f"a blob of shape {list(shape)} has no elements")
    p.sized(shape)
    if filler.type == "constant":
        return const(value=float(filler.value), shape=shape)
    return _bilinear(p, shape)


def _bilinear(p: LayerView, shape: Shape) -> Node:
    """The weights of a linear interpolation, a tent over the two last axes."""
    p.require(len(shape) == 4 and shape[2] == shape[3], "data_filler", f"a bilinear filler cannot fill a blob of shape {list(shape)}",
              "it needs 4 axes, the last two equal")
    step = -(-shape[3] // 2)
    centre = (shape[3] - 1) / (2 * step)
    down, right = (1 - abs_(iota(axis=a, shape=shape) * (1 / step) - centre) for a in (2, 3))
    return down * right
