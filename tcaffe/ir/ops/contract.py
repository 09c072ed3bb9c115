"""Contractions: sums of products."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tcaffe.ir.node import core_op
from tcaffe.ir.types import TensorType, require

Ints = tuple[int, ...]
ALL: tuple[Any, ...] = (slice(None),) * 3
"""Every batch item, group and channel of a grouped image; every group, output and input of grouped filters."""


@core_op("contract", reference=np.matmul)
def dot(x: TensorType, y: TensorType) -> TensorType:
    """The matrix product of the two last axes, for every index of the axes before them."""
    require(x.rank >= 2 and x.rank == y.rank and x.dtype == y.dtype, f"cannot multiply {x} and {y}")
    require(x.shape[:-2] == y.shape[:-2], f"{x} and {y} differ before their two last axes")
    require(x.shape[-1] == y.shape[-2], f"dot of {x} and {y}: {x.shape[-1]} columns meet {y.shape[-2]} rows")
    return x.with_shape(*x.shape[:-1], y.shape[-1])


def taps(size: Ints, out: Ints, stride: Ints, dilation: Ints) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
    """For each offset inside a kernel: the offset, and where in the padded image its `out` products come from."""
    for offset in itertools.product(*map(range, size)):
        starts = (k * d for k, d in zip(offset, dilation, strict=True))
        yield offset, tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, out, stride, strict=True))


def _padded(x: np.ndarray, pad: Ints) -> np.ndarray:
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in pad)])


def _grouped(x: np.ndarray, w: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """x as [N, G, C/G, ...] and w as [G, O/G, C/G, ...]."""
    return (
        x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]),
        w.reshape(groups, w.shape[0] // groups, *w.shape[1:]),
    )


def _conv(x: np.ndarray, w: np.ndarray, stride: Ints, pad: Ints, dilation: Ints, groups: int) -> np.ndarray:
    out = out_size(x.shape[2:], w.shape[2:], stride, pad, dilation)
    image, filters = _grouped(_padded(np.asarray(x), pad), np.asarray(w), groups)
    total = np.zeros((x.shape[0], groups, w.shape[0] // groups, *out), x.dtype)
    for offset, where in taps(w.shape[2:], out, stride, dilation):
        total += np.einsum("ngc...,goc->ngo...", image[ALL + where], filters[ALL + offset])
    return total.reshape(x.shape[0], w.shape[0], *out)


def _conv_dx(
    g: np.ndarray, w: np.ndarray, stride: Ints, pad: Ints, dilation: Ints, groups: int, shape: Ints
) -> np.ndarray:
    grads, filters = _grouped(np.asarray(g), np.asarray(w), groups)
    padded = tuple(n + 2 * p for n, p in zip(shape[2:], pad, strict=True))
    total = np.zeros((shape[0], groups, shape[1] // groups, *padded), g.dtype)
    for offset, where in taps(w.shape[2:], g.shape[2:], stride, dilation):
        total[ALL + where] += np.einsum("ngo...,goc->ngc...", grads, filters[ALL + offset])
    inner = tuple(slice(p, p + n) for p, n in zip(pad, shape[2:], strict=True))
    return total[ALL + inner].reshape(shape)


def _conv_dw(
    x: np.ndarray, g: np.ndarray, stride: Ints, pad: Ints, dilation: Ints, groups: int, shape: Ints
) -> np.ndarray:
    grads = np.asarray(g).reshape(g.shape[0], groups, g.shape[1] // groups, -1)
    padded = _padded(np.asarray(x), pad)
    image = padded.reshape(x.shape[0], groups, x.shape[1] // groups, *padded.shape[2:])
    total = np.zeros((groups, shape[0] // groups, *shape[1:]), g.dtype)
    for offset, where in taps(shape[2:], g.shape[2:], stride, dilation):
        seen = image[ALL + where].reshape(*image.shape[:3], -1)
        total[ALL + offset] = np.einsum("ngcp,ngop->goc", seen, grads)
    return total.reshape(shape)


def out_size(image: Ints, kernel: Ints, stride: Ints, pad: Ints, dilation: Ints) -> Ints:
    """Positions of a dilated kernel on a padded image, per spatial axis."""
    return tuple(
        (n + 2 * p - (d * (k - 1) + 1)) // s + 1
        for n, k, s, p, d in zip(image, kernel, stride, pad, dilation, strict=True)
    )


def _check(x: TensorType, w: TensorType, stride: Ints, pad: Ints, dilation: Ints, groups: int, name: str) -> None:
    spatial = x.rank - 2
    require(spatial >= 0 and w.rank == x.rank and x.dtype == w.dtype, f"{name} of {x} with filters {w}")
    lengths = {len(stride), len(pad), len(dilation)}
    require(lengths == {spatial}, f"{name} of {x} needs {spatial} strides, pads, dilations")
    require(min((*stride, *dilation, groups)) > 0 and min(pad, default=0) >= 0, f"{name} with a bad stride or pad")
    require(x.shape[1] % groups == 0 and w.shape[0] % groups == 0, f"{name} of {x}: {groups} groups do not divide {w}")


@core_op("contract", reference=_conv)
def conv(x: TensorType, w: TensorType, *, stride: Ints, pad: Ints, dilation: Ints, groups: int = 1) -> TensorType:
    """Cross-correlation of images x [N, C, ...] with filters w [O, C/groups, ...], zeros around the images."""
    _check(x, w, stride, pad, dilation, groups, "conv")
    require(x.shape[1] == w.shape[1] * groups, f"conv of {x} with filters {w} in {groups} groups")
    out = out_size(x.shape[2:], w.shape[2:], stride, pad, dilation)
    require(min(out, default=1) > 0, f"filters {w} do not fit into {x} padded by {list(pad)}")
    return x.with_shape(x.shape[0], w.shape[0], *out)


@core_op("contract", reference=_conv_dx)
def conv_dx(
    g: TensorType, w: TensorType, *, stride: Ints, pad: Ints, dilation: Ints, groups: int = 1, shape: Ints
) -> TensorType:
    """The transpose of `conv` in x: g [N, O, ...] spread through filters w [O, C/groups, ...] onto `shape`.

    It is the gradient of a convolution for its image, and the forward pass of Deconvolution.
    """
    _check(g, w, stride, pad, dilation, groups, "conv_dx")
    require(len(shape) == g.rank and shape[0] == g.shape[0], f"conv_dx of {g} cannot fill {list(shape)}")
    require(g.shape[1] == w.shape[0] and shape[1] == w.shape[1] * groups, f"conv_dx of {g} with filters {w}")
    out = out_size(tuple(shape[2:]), w.shape[2:], stride, pad, dilation)
    require(out == g.shape[2:], f"a convolution of {list(shape)} with {w} does not give {g}")
    return g.with_shape(*shape)


@core_op("contract", reference=_conv_dw)
def conv_dw(
    x: TensorType, g: TensorType, *, stride: Ints, pad: Ints, dilation: Ints, groups: int = 1, shape: Ints
) -> TensorType:
    """The transpose of `conv` in its filters, of shape [O, C/groups, ...]: products of images x and g, summed."""
    w = x.with_shape(*shape)
    _check(x, w, stride, pad, dilation, groups, "conv_dw")
    out = (x.shape[0], w.shape[0], *out_size(x.shape[2:], w.shape[2:], stride, pad, dilation))
    require(x.shape[1] == w.shape[1] * groups and g.shape == out, f"a convolution of {x} with {w} does not give {g}")
    return w
