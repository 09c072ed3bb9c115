"""Transposed convolutions: pixels of the image by taps and filters, times taps and filters by channels.

Where windows are several pixels apart, pixels see different taps. Those that see the same ones are a *phase*, and a
program works on one phase, so that nothing is multiplied in vain. Only with dilation too, taps that miss are masked.
"""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.codegen.triton.convolution import filter_strides, in_group, spatial_name
from tcaffe.codegen.triton.function import Function
from tcaffe.codegen.triton.products import (
    Axes,
    Depth,
    add_products,
    begin_blocks,
    begin_sum,
    depth_steps,
    finish_products,
    nearby,
    operand,
)
from tcaffe.codegen.triton.tiles import Key, Tile, added, scaled
from tcaffe.ir.geometry import Geometry, geometry


def write_transposed(f: Function) -> None:
    """A transposed convolution, and the pointwise work on its result."""
    conv = f.kernel.anchor
    assert conv is not None
    geo, (g, w) = geometry(conv), conv.inputs
    lines = lines_of(geo)
    apart = (("group", geo.groups), *((f"phase{l.axis}", l.phases) for l in lines))
    pixels = ((0, geo.items), *((l.key, l.pixels) for l in lines))
    blocks = begin_blocks(f, apart, pixels, ((1, geo.channels // geo.groups),), ("apart", "pixel", "channel"))
    group = f.let("group", blocks.apart.coordinate("group"))
    channel = in_group(f, blocks.column, group, geo.groups)
    sights = [_sight(f, line, Tile((blocks.apart, blocks.row))) for line in lines]
    left_strides, right_strides = _strides(f, geo, lines)
    more = [scaled(s.shift, left_strides[s.line.key]) for s in sights if not s.line.scattered]
    left = operand(f, g, (blocks.apart, blocks.row), left_strides, more=more)
    more = [scaled(s.first, f.strides(w)[_axis_of_tap(f, s.line.axis)]) for s in sights]
    right = operand(f, w, (blocks.apart, blocks.column), right_strides, more=more)
    total = begin_sum(f, conv)
    taps: Axes = tuple((f"k{l.axis}", l.seen) for l in lines)
    depth = Depth(taps, ("o", geo.filters // geo.groups), f.sizes["DEPTH"])
    with depth_steps(f, depth.steps, blocks) as step:
        across, down = depth.runs(f, step)
        moved, conditions = _seen(f, sights, Tile(across))
        exists = nearby(f, "exists", [c for s in sights for c in s.exists(Tile(down))])
        a = left.load(f, across, nearby(f, "near", conditions), moved)
        add_products(f, total, a, right.load(f, down, exists))
    tile = Tile((blocks.row, channel), ("ROWS", "COLUMNS"))
    moved = {2 + s.line.axis: s.pixel for s in sights if s.line.phases > 1}
    inside = [f"{s.pixel} < {s.line.size}" for s in sights if s.line.size % s.line.phases]
    finish_products(f, total, tile.shifted(moved, nearby(f, "inside", inside)) if moved else tile, blocks)


@dataclass(frozen=True)
class Line:
    """One spatial axis: `size` pixels that see `taps`; windows `stride` apart, of which there are `out`."""

    axis: int
    name: str
    size: int
    out: int
    taps: int
    stride: int
    dilation: int
    pad: int

    @property
    def phases(self) -> int:
        """How many sets of taps there are, of which each pixel sees one."""
        return self.stride if self.dilation == 1 else 1

    @property
    def key(self) -> Key:
        """What the numbers of its pixels count: pixels, or those of a phase."""
        return 2 + self.axis if self.phases == 1 else f"at{self.axis}"

    @property
    def pixels(self) -> int:
        """Pixels of the largest phase."""
        return -(-self.size // self.phases)

    @property
    def seen(self) -> int:
        """Taps of the largest phase."""
        return -(-self.taps // self.phases)

    @property
    def scattered(self) -> bool:
        """Whether windows are found by a division: one pixel sees some of its taps, another other ones."""
        return self.stride > self.phases

    @property
    def exact(self) -> bool:
        """Whether each pixel sees one window."""
        return self.taps == self.stride == 1 and self.pad == 0


def lines_of(geo: Geometry) -> list[Line]:
    """The spatial axes of a transposed convolution."""
    rows = zip(geo.image, geo.out, geo.kernel, geo.stride, geo.dilation, geo.pad, strict=True)
    return [Line(k, spatial_name(geo, k), *row) for k, row in enumerate(rows)]


@dataclass(frozen=True)
class Sight:
    """What the pixels of a program see along a line: tap `first` in the window number `start`, and so on backwards.

    `shift` is by how much that window's number is larger than the pixel's own, or than its number in the phase.
    """

    line: Line
    pixel: str
    start: str
    shift: str
    first: str

    def exists(self, step: Tile) -> list[str]:
        """The condition that taps exist, as a block: phases may have one more than others."""
        if self.line.taps % self.line.phases == 0:
            return []
        key, last = f"k{self.line.axis}", step.runs[-1]
        alone = key not in dict(last.axes) or self.line.seen == 1
        along = scaled(step.coordinate(key), self.line.stride)
        return [f"{added([self.first, along, *([f'{last.name} * 0'] if alone else [])], 0)} < {self.line.taps}"]


def _sight(f: Function, line: Line, rows: Tile) -> Sight:
    """Write what a program's pixels see along a line."""
    at = rows.coordinate(line.key)
    if line.phases == 1:
        shift = 0 if line.scattered else line.pad
        start = at if line.exact else f.let(f"{line.name}_start", added([_vector(at, rows)], line.pad))
        return Sight(line, at, start, str(shift), "0")
    phase = f.let(f"{line.name}_phase", rows.coordinate(f"phase{line.axis}"))
    sum_ = added([phase], line.pad)
    reach = f"({sum_})" if line.pad else sum_
    first, shift_ = f.let(f"{line.name}_first", f"{reach} % {line.stride}"), f.let("shift", f"{reach} // {line.stride}")
    start = f.let(f"{line.name}_start", f"{_vector(at, rows)} + {shift_}")
    pixel = f.let(line.name, f"{scaled(_vector(at, rows), line.stride)} + {phase}")
    return Sight(line, pixel, start, shift_, first)


def _vector(at: str, rows: Tile) -> str:
    """A coordinate as a block of numbers also where it is always 0."""
    return f"{rows.runs[1].name} * 0" if at == "0" else at


def _seen(f: Function, sights: list[Sight], step: Tile) -> tuple[dict[Key, str], list[str]]:
    """Write where the windows lie that have the taps of a step; axes that have to be divided for, and conditions."""
    moved: dict[Key, str] = {}
    conditions: list[str] = []
    for sight in sights:
        line = sight.line
        if line.exact:
            continue
        back = scaled(step.coordinate(f"k{line.axis}"), line.dilation)
        at = sight.start if back == "0" else f.let(line.name, f"{sight.start} - {back}")
        conditions += [f"{at} >= 0"]
        if line.scattered:
            conditions += [f"{at} % {line.stride} == 0"]
            moved[f"seen{line.axis}"] = at = f.let(line.name, f"{at} // {line.stride}")
        conditions += [f"{at} < {line.out}", *sight.exists(step)]
    return moved, conditions


def _strides(f: Function, geo: Geometry, lines: list[Line]) -> tuple[dict[Key, int], dict[Key, int]]:
    """Elements from one to the next of what counts through the gradient, and through the filters."""
    conv = f.kernel.anchor
    assert conv is not None
    g, w = conv.inputs
    item, channel, *steps = f.strides(g)
    left: dict[Key, int] = {0: item, "o": channel, "group": channel * geo.filters // geo.groups}
    right = filter_strides(f, w, out="o", channel=1)
    right["group"] = right["o"] * geo.filters // geo.groups
    for line, step in zip(lines, steps, strict=True):
        tap = f"k{line.axis}"
        left |= {f"seen{line.axis}": step} if line.scattered else {line.key: step, tap: -step * line.dilation}
        right[tap] *= line.phases
    return left, right


def _axis_of_tap(f: Function, axis: int) -> int:
    """The axis of the filters, as they lie, that counts the taps of a spatial one."""
    conv = f.kernel.anchor
    assert conv is not None
    return 1 + axis if conv.inputs[1] in f.kernel.packing else 2 + axis
