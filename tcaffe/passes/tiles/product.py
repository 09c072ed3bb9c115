"""Products: contractions as matrix products, the way the code for them counts rows, columns and depth."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tcaffe.ir.geometry import geometry
from tcaffe.ir.node import Node


@dataclass(frozen=True, slots=True)
class Product:
    """`apart` products of `rows` by `columns` numbers, each a sum of `depth` products.

    Where `taps` is above 1, the depth is that many times `depth / taps`, and is cut tap by tap if that fills a slice;
    of `column_taps` the same holds for columns.
    """

    apart: int
    rows: int
    columns: int
    depth: int
    taps: int = 1
    column_taps: int = 1

    def steps(self, block: int) -> int:
        """How many slices of `block` lead through the depth."""
        inner = self.depth // self.taps
        if self.taps > 1 and inner >= block:
            return self.taps * -(-inner // block)
        return -(-self.depth // block)

    def mixed(self, block: int) -> bool:
        """Whether slices of `block` have several taps, so that every element has an address of its own."""
        return self.taps > 1 and self.depth // self.taps < block

    def blocks(self, rows: int, columns: int) -> int:
        """How many blocks of `rows` by `columns` there are."""
        apart, across = self.apart, self.columns
        if self.column_taps > 1 and across // self.column_taps >= columns:
            apart, across = apart * self.column_taps, across // self.column_taps
        return apart * -(-self.rows // rows) * -(-across // columns)


def product_of(anchor: Node) -> Product:
    """The matrix product that a `dot`, `conv`, `conv_dx` or `conv_dw` is."""
    if anchor.op.name == "dot":
        *lead, rows, columns = anchor.shape
        return Product(math.prod(lead), rows, columns, anchor.inputs[0].shape[-1])
    geo = geometry(anchor)
    channels, filters = geo.channels // geo.groups, geo.filters // geo.groups
    pixels = geo.items * math.prod(geo.out)
    if anchor.op.name == "conv":
        return Product(geo.groups, pixels, filters, geo.depth, geo.taps)
    if anchor.op.name == "conv_dw":
        if geo.single:
            return Product(geo.taps, 1, geo.filters, pixels)
        return Product(geo.groups, filters, geo.taps * channels, pixels, column_taps=geo.taps)
    phased = set(geo.dilation) <= {1}
    strides = geo.stride if phased else (1,) * len(geo.stride)
    seen = math.prod(-(-k // s) for k, s in zip(geo.kernel, strides, strict=True))
    spots = geo.items * math.prod(-(-n // s) for n, s in zip(geo.image, strides, strict=True))
    return Product(geo.groups * math.prod(strides), spots, channels, seen * filters, seen)
