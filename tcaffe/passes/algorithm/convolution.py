"""Plans for convolutions: matrix product, im2col, Winograd, depthwise; the cheapest by the cost model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tcaffe.ir import ops
from tcaffe.ir.geometry import Geometry, geometry, mirrored
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.slots import chain_nodes, chain_slots
from tcaffe.ir.types import TensorType
from tcaffe.ir.winograd import TRANSFORMS
from tcaffe.passes.algorithm import costs, forms
from tcaffe.passes.algorithm.plan import LONG_ROW, Ints, Plan, blocks, chain_memory, parts
from tcaffe.passes.algorithm.storage import Storage
from tcaffe.passes.packing import Form
from tcaffe.passes.static import Parameters

MIN_CHANNELS = 8
"""Channels (a group) from which Winograd pays: with fewer its transforms cost more than they save."""


def plan_convolution(kernel: Kernel, storage: Storage, workers: int, parameters: Parameters) -> Plan:
    """The cheapest plan whose scratch memory stays within bounds, or the one with the least scratch memory."""
    found = list(Convolution(kernel, storage, workers, parameters).plans())
    fitting = [p for p in found if p.scratch_bytes <= costs.SCRATCH * workers]
    return min(fitting, key=lambda p: p.cost) if fitting else min(found, key=lambda p: p.scratch_bytes)


@dataclass
class Convolution:
    """The plans of one kernel."""

    kernel: Kernel
    storage: Storage
    workers: int
    parameters: Parameters

    def __post_init__(self) -> None:
        conv = self.kernel.anchor
        assert conv is not None
        last = self.kernel.nodes[-1]
        self.conv, self.geo = conv, geometry(conv)
        if conv.op is ops.conv_dx:
            geo = mirrored(conv)
            assert geo is not None, "only a transposed convolution by steps of one is a convolution"
            self.geo = geo
        self.pool = last if last.op.name == "pool" else None
        whole = self.pool or conv
        self.shape: Ints = tuple(whole.shape[a] for a in whole.type.axes_in_memory)
        self.chain = chain_nodes(self.kernel)
        self.slots = chain_slots(self.kernel, copied=self.storage.copied)
        self.passes = sum(1 for n in self.chain if n.op.family == "pointwise")

    def plans(self) -> Iterator[Plan]:
        """Every plan worth a thought."""
        for tile in self.tiles():
            yield from self.algorithms(tile)

    def tiles(self) -> Iterator[Ints]:
        """Blocks of the result: some rows of an image or several whole images, all filters or a share of them."""
        images, *spatial, filters = self.shape
        splits = self.filter_blocks(filters)
        if not spatial:
            yield from ((n, f) for n in parts(images) for f in splits)
            return
        in_sight = self.geo.pad[0] < self.geo.extent[0]  # else a block of rows may see nothing but padding
        for rows in parts(spatial[0]) if in_sight else spatial[:1]:
            for f in splits:
                yield (1, rows, *spatial[1:], f)
        for n in parts(images) if self.storage.even else ():
            for f in splits if n > 1 else ():
                yield (n, *spatial, f)

    def filter_blocks(self, filters: int) -> list[int]:
        """All filters, or an even share of them that is still wide."""
        if len(self.kernel.outputs) > 1 or self.geo.depthwise:
            return [filters]
        unit = filters // self.geo.groups if self.geo.groups > 1 else 8
        counts = [c for c in range(1, 2 * self.workers + 1) if filters % c == 0 and filters // c % unit == 0]
        return [filters // c for c in counts if c == 1 or filters // c >= 16] or [filters]

    def algorithms(self, tile: Ints) -> Iterator[Plan]:
        """The algorithms that can compute the convolution in blocks of `tile`."""
        geo = self.geo
        under = self.under(tile)
        flat = self.storage.image_flat and (under[0] == 1 or not geo.planar)
        if geo.plain and geo.groups == 1 and flat:
            yield self.finish(tile, under, "gemm", self.gemm(under), {}, forms.rows(geo))
        if geo.depthwise and self.suits_depthwise(under):
            yield self.depthwise(tile, under)
        else:
            yield self.im2col(tile, under)
        if self.suits_winograd():
            sizes = [m for m, r in TRANSFORMS if geo.kernel == (r, r)]
            yield from (self.winograd(tile, under, size) for size in sizes)

    def under(self, tile: Ints) -> Ints:
        """The block of the convolution below a block of the result."""
        if self.pool is None:
            return tile
        height = self.conv.shape[2]
        size, stride = self.pool.attrs["size"][0], self.pool.attrs["stride"][0]
        rows = height if tile[1] == self.shape[1] else min(height, (tile[1] - 1) * stride + size)
        return (tile[0], rows, self.conv.shape[3], tile[-1])

    def finish(
        self,
        tile: Ints,
        under: Ints,
        algorithm: str,
        each: float,
        scratch: dict[str, TensorType],
        form: Form,
        **attrs: int,
    ) -> Plan:
        """The plan of an algorithm that takes `each` seconds a block, with the work behind the convolution added."""
        elements = math.prod(under)
        each += self.passes * (costs.CALL + elements * costs.PASS * costs.distance(4 * elements))
        cost = costs.spread(blocks(self.shape, tile), each, self.workers)
        weights = self.conv.inputs[1]
        form = form if self.conv.op is ops.conv else forms.flipped_first(form, self.geo.groups)
        shifts = self.shifts(under) if tile[-1] == self.shape[-1] else {}
        shape = tuple(self.conv.shape[a] for a in self.conv.type.axes_in_memory)
        home = self.storage.needs_home
        chain = chain_memory(self.kernel, self.slots, self.workers, shape, under, home=home, packed=shifts)
        memory, packed = scratch | chain | self.pooled(tile, under), {weights: form, **shifts}
        return Plan(tile, cost, {"algorithm": algorithm, "tile": tile, **attrs, **self.storage.attrs}, memory, packed)

    def shifts(self, under: Ints) -> dict[Node, Form]:
        """Vectors that are added along the channels, repeated for every column where that makes rows long."""
        columns, channels = under[-2:]
        if len(under) != 4 or columns == 1 or columns * channels > LONG_ROW:
            return {}
        found = {}
        for node in self.chain:
            match node:
                case Node(ops.add, (_, Node(ops.broadcast, (Node(ops.param) as vector,), {"axes": (1,)}))):
                    found[vector] = forms.columns(columns)
        others = (i for n in self.chain if n.op is not ops.add for i in n.inputs if i.op is ops.broadcast)
        return {v: form for v, form in found.items() if all(v not in o.inputs for o in others)}

    def pooled(self, tile: Ints, under: Ints) -> dict[str, TensorType]:
        """Memory for a pool that ends the kernel: its rows, not yet its columns."""
        if self.pool is None:
            return {}
        return {"pooled0": TensorType((self.workers, tile[0], tile[1], under[2], tile[-1]), self.conv.type.dtype)}

    def gemm(self, under: Ints) -> float:
        """A plain matrix product."""
        return costs.gemm(math.prod(under[:-1]), self.geo.depth, under[-1])

    def im2col(self, tile: Ints, under: Ints) -> Plan:
        """Windows copied into a matrix."""
        geo = self.geo
        positions = math.prod(under[:-1])
        groups = max(1, geo.groups * under[-1] // geo.filters)
        elements = positions * geo.depth * groups
        dtype = self.conv.type.dtype
        scratch = {"col": TensorType((self.workers, elements), dtype)}
        each = elements * costs.GATHER * costs.distance(4 * elements) * (2 if geo.planar or geo.channels < 16 else 1)
        if any(geo.pad):
            scratch["pad"] = pad_memory(geo, under, self.workers, dtype)
            each += scratch["pad"].size / self.workers * costs.GATHER
        each += groups * costs.gemm(positions, geo.depth, under[-1] // groups) + 8 * costs.CALL
        return self.finish(tile, under, "im2col", each, scratch, forms.rows(geo))

    def winograd(self, tile: Ints, under: Ints, size: int) -> Plan:
        """Tiles of `size` x `size` results."""
        geo, side = self.geo, size + self.geo.kernel[0] - 1
        whole = tuple(-(-n // size) * size for n in geo.out)
        rows = -(-under[1] // size) * size
        tiles = under[0] * rows // size * whole[1] // size
        groups = max(1, geo.groups * under[-1] // geo.filters)
        count_x, count_y = side * side * tiles * geo.channels, side * side * tiles * under[-1]
        pad = pad_memory(replace(geo, out=whole), (under[0], rows, *under[2:]), self.workers, "f32")
        buffers = {
            "even": TensorType((self.workers, max(count_x, side * size * tiles * under[-1])), "f32"),
            "odd": TensorType((self.workers, max(count_x, count_y)), "f32"),
        }
        far = costs.distance(4 * max(count_x, count_y))
        each = (pad.size / self.workers + 2 * count_x) * costs.GATHER + count_x * costs.TRANSFORM_IN * (0.6 + 0.4 * far)
        each += count_y * costs.TRANSFORM_OUT * (0.6 + 0.4 * far) + math.prod(under) * costs.SCATTER
        each += side * side * groups * costs.gemm(tiles, geo.channels // geo.groups, under[-1] // groups)
        each += (25 if rows == under[1] and whole == geo.out else 25 + 2 * size * size) * costs.CALL
        return self.finish(
            tile, under, "winograd", each, {"pad": pad, **buffers}, forms.winograd(geo, size), winograd=size
        )

    def suits_winograd(self) -> bool:
        """Whether windows have no gaps and many channels, and filters may take long to pack."""
        geo = self.geo
        plain = len(geo.kernel) == 2 and geo.stride == geo.dilation == (1, 1) and not geo.planar
        packs = self.parameters != "settable" and self.conv.type.dtype == "f32"
        return plain and packs and geo.channels // geo.groups >= MIN_CHANNELS

    def suits_depthwise(self, under: Ints) -> bool:
        """Whether a block is rows of one image that lie dense."""
        geo = self.geo
        steps = geo.dilation[-1] == 1 or geo.stride[-1] == 1
        dense = self.storage.needs_home or self.storage.output_dense
        return len(geo.kernel) == 2 and under[0] == 1 and steps and dense and not geo.planar

    def depthwise(self, tile: Ints, under: Ints) -> Plan:
        """Sums of products over whole rows."""
        geo, dtype = self.geo, self.conv.type.dtype
        stride = geo.stride[1]
        rows = geo.padded[0] if under[1] == geo.out[0] else geo.rows_for(under[1])
        columns = -(-geo.padded[1] // stride)
        scratch = {"pad": TensorType((self.workers, stride, rows, columns, geo.channels), dtype)}
        phases = min(stride, geo.kernel[1])
        if phases > 1:
            scratch["phase"] = TensorType((self.workers, under[1], geo.out[1] * geo.channels), dtype)
        each = math.prod(under) * geo.taps * costs.SUM_OF_PRODUCTS * costs.distance(4 * math.prod(under))
        each += scratch["pad"].size / self.workers * costs.GATHER + 10 * phases * costs.CALL
        each += (phases - 1) * math.prod(under) * costs.PASS
        return self.finish(tile, under, "depthwise", each, scratch, forms.runs(geo))


def pad_memory(geo: Geometry, tile: Ints, workers: int, dtype: str) -> TensorType:
    """Memory for the part of the image that a block of results sees, zeros around it."""
    rows = geo.padded[0] if tile[1] == geo.out[0] else geo.rows_for(tile[1])
    spatial = (rows, *geo.padded[1:])
    inner = (geo.channels, *spatial) if geo.planar else (*spatial, geo.channels)
    return TensorType((workers, tile[0], *inner), dtype)
