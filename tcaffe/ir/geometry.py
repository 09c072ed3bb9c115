"""The geometry of a convolution: the numbers that the cost model and the code for it both go by."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tcaffe.ir.node import Node

Ints = tuple[int, ...]


@dataclass(frozen=True)
class Geometry:
    """A convolution from `image` to `out` positions (spatial axes only), of `groups` independent parts.

    `channels` and `filters` count all groups. A `planar` image has its channels outside its spatial axes in memory.
    """

    items: int
    channels: int
    filters: int
    groups: int
    image: Ints
    out: Ints
    kernel: Ints
    stride: Ints
    pad: Ints
    dilation: Ints
    planar: bool

    @property
    def taps(self) -> int:
        """Positions of the kernel."""
        return math.prod(self.kernel)

    @property
    def depth(self) -> int:
        """Products summed for one element of the result."""
        return self.taps * self.channels // self.groups

    @property
    def extent(self) -> Ints:
        """The positions of the image that one window spans, holes included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def padded(self) -> Ints:
        """The positions of the image that any window sees."""
        return tuple((n - 1) * s + e for n, s, e in zip(self.out, self.stride, self.extent, strict=True))

    @property
    def plain(self) -> bool:
        """Whether every window is a single position and every position has one: a matrix product."""
        return self.taps == 1 and set(self.stride) <= {1} and not any(self.pad)

    @property
    def depthwise(self) -> bool:
        """Whether every channel has one filter of its own."""
        return self.groups == self.channels == self.filters and self.groups > 1

    @property
    def single(self) -> bool:
        """Whether every filter sees one channel of several."""
        return self.groups == self.channels > 1

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.items * math.prod(self.out) * self.filters * self.depth

    def rows_for(self, rows: int) -> int:
        """Rows of the (padded) image that `rows` rows of the result need."""
        return (rows - 1) * self.stride[0] + self.extent[0]


def geometry(conv: Node) -> Geometry:
    """The geometry of a `conv`, or of the one that a `conv_dx` or `conv_dw` is the transpose of."""
    x, other = conv.inputs
    image, out, w = {"conv": (x, conv, other), "conv_dx": (conv, x, other), "conv_dw": (x, other, conv)}[conv.op.name]
    rank = len(image.shape)
    memory = image.type.axes_in_memory
    return Geometry(
        items=image.shape[0],
        channels=image.shape[1],
        filters=w.shape[0],
        groups=conv.attrs["groups"],
        image=image.shape[2:],
        out=out.shape[2:],
        kernel=w.shape[2:],
        stride=conv.attrs["stride"],
        pad=conv.attrs["pad"],
        dilation=conv.attrs["dilation"],
        planar=rank > 2 and memory.index(1) < rank - 1,
    )


def mirrored(transposed: Node) -> Geometry | None:
    """The convolution that a `conv_dx` by steps of one is, its filters flipped: over g, padded by what a window
    reaches beyond. None for longer steps, and for padding wider than that.
    """
    geo, g = geometry(transposed), transposed.inputs[0]
    reach = tuple(extent - 1 - p for extent, p in zip(geo.extent, geo.pad, strict=True))
    if set(geo.stride) != {1} or min(reach) < 0:
        return None
    return replace(
        geo,
        channels=geo.filters,
        filters=geo.channels,
        image=geo.out,
        out=geo.image,
        pad=reach,
        planar=g.type.axes_in_memory.index(1) < len(g.shape) - 1,
    )
