"""Where the elements of one blob lie in another: maps of spatial coordinates through a net, and crops that align blobs.

A map (axis, scale, shift) takes x to scale * x + shift along the axes after `axis`, that of the channels. Scale and
shift are numbers, or arrays with one number an axis; an axis of None fits any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tcaffe.pycaffe.net_spec import Function, Top, layers

Coefficient = float | np.ndarray
Map = tuple[int | None, Coefficient, Coefficient]

IDENTITY: Map = (None, 1, 0)
PASS_THROUGH = {
    "AbsVal", "BatchNorm", "Bias", "BNLL", "Dropout", "Eltwise", "ELU", "Exp", "Log", "LRN", "MVN", "Power", "PReLU",
    "ReLU", "Scale", "Sigmoid", "Split", "TanH", "Threshold",
}  # fmt: skip
BY_AXIS = frozenset(f"{size}_{axis}" for size in ("kernel", "stride", "pad") for axis in "hw")
ROUNDING = 1e-6  # relative error of a scale, absolute of a shift: a few steps of float64, never a step of an element


class UndefinedMapException(Exception):
    """A layer has tops whose elements have no place in its bottoms."""


class AxisMismatchException(Exception):
    """Two maps are about different axes."""


def coord_map(fn: Function) -> Map:
    """The map from the bottoms of a layer to its tops; raises UndefinedMapException for a layer that has none.

    An element of a top of a convolution or pooling lies in the middle of the elements it is computed from; that of a
    bottom of a deconvolution in the middle of those it spreads to.
    """
    if fn.type_name in PASS_THROUGH:
        return IDENTITY
    if fn.type_name not in MAPS:
        raise UndefinedMapException(fn.type_name)
    return MAPS[fn.type_name](fn)


def compose(base: Map, then: Map) -> Map:
    """The map x -> base(then(x)); raises AxisMismatchException."""
    (axis, scale, shift), (other, inner_scale, inner_shift) = base, then
    if axis is not None and other is not None and axis != other:
        raise AxisMismatchException(f"axis {axis} and axis {other}")
    return other if axis is None else axis, scale * inner_scale, scale * inner_shift + shift


def inverse(coords: Map) -> Map:
    """The map that takes scale * x + shift back to x."""
    axis, scale, shift = coords
    return axis, 1 / scale, -shift / scale


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """The map from coordinates of `top_from` to those of `top_to`, by way of a blob that both are computed from.

    All ways between two blobs are taken to agree. Raises RuntimeError where the two have no such blob.
    """
    known = dict(_ancestors(top_from))
    for top, coords in _ancestors(top_to):
        if top in known:
            return compose(coords, inverse(known[top]))
    raise RuntimeError("the tops share no blob that both are connected to by layers whose coordinates can be mapped")


def crop(top_from: Top, top_to: Top) -> Top:
    """A Crop layer that cuts from `top_from` what lies where `top_to` does.

    Raises AssertionError where their scales differ or `top_from` does not begin a whole number of elements before.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    steps = np.round(shift)
    _require(np.allclose(scale, 1, rtol=ROUNDING, atol=0), f"a crop cannot change the scale, which is {scale}")
    _require(np.allclose(shift, steps, rtol=0, atol=ROUNDING), f"a crop is by whole elements, not by {-shift}")
    _require(np.all(steps <= 0), f"a crop cannot begin before its input, at {-shift}")
    offset = [int(-step) for step in np.atleast_1d(steps)]
    first = 2 if axis is None else axis + 1
    cropped: Top = layers.Crop(top_from, top_to, crop_param={"axis": first, "offset": offset})
    return cropped


def _ancestors(top: Top) -> Iterator[tuple[Top, Map]]:
    """`top` and the blobs it is computed from, nearest first, each with the map from its coordinates to those of `top`.

    A crop takes its coordinates from its first bottom alone: of the second it knows the size.
    """
    found = {top: IDENTITY}
    queue = [top]
    for near in queue:
        yield near, found[near]
        try:
            step = coord_map(near.fn)
        except UndefinedMapException:
            continue
        bottoms = near.fn.inputs[:1] if near.fn.type_name == "Crop" else near.fn.inputs
        for bottom in bottoms:
            if bottom not in found:
                found[bottom] = compose(found[near], step)
                queue.append(bottom)


# ── layers ──────────────────────────────────────────────────────────────────────────────────────────────


def _shrinking(fn: Function) -> Map:
    """Windows of an image: the window at x begins at x * stride - pad."""
    axis, stride, extent, pad = _window(fn)
    return axis, 1 / stride, (pad - (extent - 1) / 2) / stride


def _growing(fn: Function) -> Map:
    """Windows that are spread: the inverse of the map of the convolution that it transposes."""
    axis, stride, extent, pad = _window(fn)
    return axis, stride, (extent - 1) / 2 - pad


def _cropping(fn: Function) -> Map:
    """Offsets count from the first axis that is cut."""
    params = _params(fn, "crop_param")
    return params.get("axis", 2) - 1, 1, -np.atleast_1d(params.get("offset", 0))


def _window(fn: Function) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """The axis of the channels, and stride, extent (with its dilation) and padding of the windows after it.

    Raises AssertionError for sizes by height and width, UndefinedMapException for windows as large as the image.
    """
    params = _params(fn, "pooling_param" if fn.type_name == "Pooling" else "convolution_param")
    by_axis = BY_AXIS & params.keys()
    _require(not by_axis, f"{fn.type_name} has {', '.join(sorted(by_axis))}: give a list, height then width, instead")
    if "kernel_size" not in params:
        raise UndefinedMapException(f"{fn.type_name} without a kernel_size")
    kernel, stride = np.atleast_1d(params["kernel_size"]), np.atleast_1d(params.get("stride", 1))
    dilation, pad = np.atleast_1d(params.get("dilation", 1)), np.atleast_1d(params.get("pad", 0))
    return params.get("axis", 1), stride, (kernel - 1) * dilation + 1, pad


def _params(fn: Function, message: str) -> Mapping[str, Any]:
    """The parameters of a layer, those given in a message among them."""
    return {**fn.params, **fn.params.get(message, {})}


def _require(ok: bool | np.bool, text: str) -> None:
    if not ok:
        raise AssertionError(text)


MAPS: Mapping[str, Callable[[Function], Map]] = {
    "Convolution": _shrinking,
    "Pooling": _shrinking,
    "Im2col": _shrinking,
    "Deconvolution": _growing,
    "Crop": _cropping,
}
