"""Winograd's convolution for small square windows: tiles of image and result, a product for each place in a tile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tcaffe.codegen.numpy.blocks import Block, product, subscript
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.images import load_padded
from tcaffe.codegen.numpy.matrix import group_range, image, weights
from tcaffe.ir.geometry import Geometry
from tcaffe.ir.winograd import TRANSFORMS


def write_winograd(f: Function, geo: Geometry, block: Block, out: str) -> None:
    """y = A^T [(G w G^T) * (B^T x B)] A for every tile, the products summed over channels by one GEMM a position."""
    Winograd(f, geo, block, f.kernel.attrs["winograd"]).write(out)


@dataclass
class Winograd:
    """One block of a convolution by tiles of `size` x `size` results. Two buffers take turns from step to step."""

    f: Function
    geo: Geometry
    block: Block
    size: int

    def __post_init__(self) -> None:
        rows, self.across = self.block.axes[1], -(-self.geo.out[1] // self.size)
        self.side = self.size + self.geo.kernel[0] - 1
        self.images, self.filters = self.block.axes[0].length, self.block.axes[-1].length
        self.down = (
            str(-(-rows.size // self.size)) if rows.even else f"({rows.length} + {self.size - 1}) // {self.size}"
        )
        self.tiles = product([self.images, self.down, str(self.across)])

    def write(self, out: str) -> None:
        """Write the steps."""
        f, size, side = self.f, self.size, self.side
        self.load()
        x, y = f.fresh("x"), f.fresh("y")
        b_t, _, a_t = TRANSFORMS[size, self.geo.kernel[0]]
        before, after = f.alias(_table(b_t), "bt"), f.alias(_table(a_t), "at")
        shape = f"{side}, {side}, {self.images}, {self.down}, {self.across}, {self.geo.channels}"
        self.buffer(x, "even", side * side, str(self.geo.channels))
        self.buffer(y, "odd", side * side, str(self.geo.channels))
        f.body.line(f"np.copyto({x}.reshape({shape}), {self.windows()})")
        f.body.line("# every tile of the image between B^T and B")
        f.body.line(f"np.matmul({before}, {x}.reshape({side}, -1), out={y}.reshape({side}, -1))")
        f.body.line(f"np.matmul({before}, {y}.reshape({side}, {side}, -1), out={x}.reshape({side}, {side}, -1))")
        self.buffer(y, "odd", side * side, self.filters)
        f.body.line("# for each position in a tile: tiles by channels times channels by filters")
        self.multiply(x, y)
        self.buffer(x, "even", size * side, self.filters)
        f.body.line("# every tile of the result between A^T and A")
        f.body.line(f"np.matmul({after}, {y}.reshape({side}, -1), out={x}.reshape({size}, -1))")
        self.buffer(y, "odd", size * size, self.filters)
        f.body.line(f"np.matmul({after}, {x}.reshape({size}, {side}, -1), out={y}.reshape({size}, {size}, -1))")
        self.store(y, out)

    def load(self) -> None:
        """Copy what the tiles see, whole tiles beyond the image's edge included."""
        whole = tuple(-(-n // self.size) * self.size for n in self.geo.out)
        padded = replace(self.geo, out=whole)
        load_padded(self.f, padded, self.block, image(self.f, self.block.order), tail=True)

    def windows(self) -> str:
        """The tiles of the image, by position in the tile first."""
        f, side, size = self.f, self.side, self.size
        view = f"np.lib.stride_tricks.sliding_window_view({f.memory('pad')}, ({side}, {side}), (2, 3))"
        view = f.alias(f"{view}[:, :, ::{size}, ::{size}].transpose(0, 5, 6, 1, 2, 3, 4)", "windows")
        down = ":" if self.block.axes[1].even else f":{self.down}"
        return view + subscript([f.worker, ":", ":", self.block.axes[0].trim, down])

    def buffer(self, name: str, what: str, positions: int, depth: str) -> None:
        """Bind `name` to as much of a buffer as the next step fills."""
        count = product([str(positions), depth, self.tiles])
        self.f.body.line(f"{name} = {self.f.memory(what)}[{self.f.worker}, :{count}]")

    def multiply(self, x: str, y: str) -> None:
        """One matrix product (for every group) at each of the positions of a tile."""
        f, geo, count = self.f, self.geo, self.side * self.side
        filters = self.block.axes[-1]
        if geo.groups == 1:
            w = weights(f) + subscript([":", ":", filters.where])
            target = f"{y}.reshape({count}, {self.tiles}, {filters.length})"
            f.body.line(f"np.matmul({x}.reshape({count}, {self.tiles}, {geo.channels}), {w}, out={target})")
            return
        groups = group_range(geo, filters)
        a = f"{x}.reshape({count}, {self.tiles}, {geo.groups}, {geo.channels // geo.groups})"
        a += subscript([":", ":", groups.where]) + ".swapaxes(1, 2)"
        target = f"{y}.reshape({count}, {self.tiles}, {groups.length}, {geo.filters // geo.groups}).swapaxes(1, 2)"
        f.body.line(f"np.matmul({a}, {weights(f)}{subscript([':', groups.where])}, out={target})")

    def store(self, y: str, out: str) -> None:
        """Put the tiles of the result side by side; those at the edge are cut."""
        f, size, rows = self.f, self.size, self.block.axes[1]
        shape = f"{size}, {size}, {self.images}, {self.down}, {self.across}, {self.filters}"
        if rows.even and rows.size % size == 0 and self.geo.out[1] % size == 0:
            target = f"{self.images}, {self.down}, {size}, {self.across}, {size}, {self.filters}"
            f.body.line(f"np.copyto({out}.reshape({target}), {y}.reshape({shape}).transpose(2, 3, 0, 4, 1, 5))")
            return
        u, v, part = f.fresh("u"), f.fresh("v"), f.fresh("part")
        f.body.line(f"{y} = {y}.reshape({shape})")
        with f.body.block(f"for {u} in range({size}):"), f.body.block(f"for {v} in range({size}):"):
            f.body.line(f"{part} = {out}[:, {u}::{size}, {v}::{size}]")
            f.body.line(f"np.copyto({part}, {y}[{u}, {v}, :, :{part}.shape[1], :{part}.shape[2]])")


def _table(rows: tuple[tuple[float, ...], ...]) -> str:
    """A small matrix as source."""
    return f"np.array(({', '.join('(' + ', '.join(f'{v:g}' for v in row) + ')' for row in rows)}), np.float32)"
