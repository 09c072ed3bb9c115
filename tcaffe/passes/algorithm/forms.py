"""The forms of filters: expressions of core ops that put weights into the order an algorithm reads."""

from __future__ import annotations

import numpy as np

from tcaffe.ir import ops
from tcaffe.ir.geometry import Geometry
from tcaffe.ir.node import Node
from tcaffe.ir.winograd import TRANSFORMS
from tcaffe.passes.flip_transposed import flipped
from tcaffe.passes.packing import Form


def rows(geo: Geometry) -> Form:
    """[(groups,) taps * channels, filters]: a row for every product that the im2col matrix has a column for."""
    name = "planes" if geo.planar and geo.taps > 1 else "rows"

    def make(w: Node) -> Node:
        apart = ops.reshape(w, shape=(geo.groups, geo.filters // geo.groups, *w.shape[1:]))
        taps = range(3, 3 + len(geo.kernel))
        order = (0, 2, *taps, 1) if geo.planar else (0, *taps, 2, 1)
        shape = (geo.depth, geo.filters // geo.groups)
        return ops.reshape(ops.transpose(apart, order=order), shape=shape if geo.groups == 1 else (geo.groups, *shape))

    return Form(name, make)


def flipped_first(form: Form, groups: int) -> Form:
    """`form` of the filters of the convolution that a transposed one by steps of one is."""
    return Form(f"flipped.{form.name}", lambda w: form.make(flipped(w, groups)))


def spread(geo: Geometry) -> Form:
    """[(groups,) filters, taps * channels]: what each pixel of a transposed convolution is multiplied with."""

    def make(w: Node) -> Node:
        per = geo.channels // geo.groups
        apart = ops.reshape(w, shape=(geo.groups, geo.filters // geo.groups, *w.shape[1:]))
        order = (0, 1, *range(3, 3 + len(geo.kernel)), 2)
        shape = (geo.filters // geo.groups, geo.taps * per)
        return ops.reshape(ops.transpose(apart, order=order), shape=shape if geo.groups == 1 else (geo.groups, *shape))

    return Form("spread", make)


def taps(geo: Geometry) -> Form:
    """[taps..., channels]: one number for every channel at each position of the window."""

    def make(w: Node) -> Node:
        rank = len(geo.kernel)
        return ops.reshape(ops.transpose(w, order=(*range(2, 2 + rank), 0, 1)), shape=(*geo.kernel, geo.channels))

    return Form("taps", make)


def runs(geo: Geometry) -> Form:
    """[taps down, taps across, columns * channels]: weights of a depthwise convolution, repeated for every column."""

    def make(w: Node) -> Node:
        shape = (*geo.kernel, geo.out[1], geo.channels)
        repeated = ops.broadcast(taps(geo).make(w), axes=(0, 1, 3), shape=shape)
        return ops.reshape(repeated, shape=(*geo.kernel, geo.out[1] * geo.channels))

    return Form(f"runs{geo.out[1]}", make)


def winograd(geo: Geometry, size: int) -> Form:
    """[positions of a tile, (groups,) channels, filters]: G w G^T, by one product with the Kronecker square of G."""

    def make(w: Node) -> Node:
        g = np.asarray(TRANSFORMS[size, geo.kernel[0]][1])
        square = np.kron(g, g).astype(w.type.numpy)
        table = ops.const(value=tuple(map(float, square.ravel())), shape=square.shape, dtype=w.type.dtype)
        per_x, per_y = geo.channels // geo.groups, geo.filters // geo.groups
        apart = ops.reshape(w, shape=(geo.groups, per_y, per_x, geo.taps))
        flat = ops.reshape(ops.transpose(apart, order=(3, 0, 2, 1)), shape=(geo.taps, geo.groups * per_x * per_y))
        shape = (len(square), per_x, per_y) if geo.groups == 1 else (len(square), geo.groups, per_x, per_y)
        return ops.reshape(ops.dot(table, flat), shape=shape)

    return Form(f"winograd{size}", make)


def columns(count: int) -> Form:
    """[columns, channels]: a number per channel, repeated `count` times: long rows are added at twice the speed."""

    def make(vector: Node) -> Node:
        return ops.broadcast(vector, axes=(1,), shape=(count, *vector.shape))

    return Form(f"columns{count}", make)
