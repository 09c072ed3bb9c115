"""Memory over time as a picture: buffers as boxes, offsets upward, kernels from left to right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from tcaffe.cli.draw.flow import kinds
from tcaffe.cli.draw.markup import Markup, clipped, element, joined, lines, void
from tcaffe.cli.units import bytes_
from tcaffe.ir.program import Buffer, MemoryPlan, Program

LEFT, TOP, HEIGHT, BELOW = 66.0, 10.0, 380.0, 26.0
LIVE = 64.0  # the height of the strip of live bytes
WIDTH, NARROWEST = 900.0, 5.0  # of the whole, and of one kernel's column
TICKS = 5


def memory_picture(program: Program, plan: MemoryPlan) -> Markup:
    """The plan as an SVG element: above every buffer in its place, below how many bytes are live."""
    return Picture(program, plan).svg()


class Picture:
    """The scales of a picture, and its parts."""

    def __init__(self, program: Program, plan: MemoryPlan) -> None:
        self.program, self.plan = program, plan
        self.steps = max(len(program.kernels), max((b.end for b in plan.buffers), default=0), 1)
        self.step = max(NARROWEST, min(160.0, WIDTH / self.steps))
        self.width = LEFT + self.step * self.steps + 12
        self.kinds = kinds(program)
        self.names = _residents(program)

    def svg(self) -> Markup:
        """The whole picture."""
        height = TOP + HEIGHT + BELOW + LIVE + BELOW
        parts = [
            self._hatching(), *self._scale(), self._peak(), *map(self._buffer, self.plan.buffers), self._bound(),
            *self._live(), *self._columns(height),
        ]  # fmt: skip
        return element(
            "svg", *parts, class_="memory", viewBox=f"0 0 {self.width:.0f} {height:.0f}", width=round(self.width),
            height=round(height), role="img", aria_label="offsets in the arena against kernels in the order they run",
        )  # fmt: skip

    def x(self, time: int) -> float:
        """The left edge of a kernel's column."""
        return LEFT + self.step * time

    def y(self, offset: int) -> float:
        """The height at which an offset lies; 0 is at the bottom."""
        return TOP + HEIGHT * (1 - offset / max(self.plan.size, 1))

    def _buffer(self, b: Buffer) -> Markup:
        x, y = self.x(b.start), self.y(b.offset + b.size)
        width, height = self.step * (b.end - b.start), self.y(b.offset) - y
        label = clipped(b.name, int((width - 8) / 6.2)) if height > 13 and width > 34 else ""
        text = [element("text", label, x=x + 5, y=y + min(height / 2 + 4, 15))] if label else []
        return element(
            "g", element("title", b.name), void("rect", x=x, y=y, width=width, height=max(height, 0.5), rx=1.5), *text,
            class_=f"buffer k-{self.kinds.get(b.name, 'view')}", tabindex=0, data_info=lines(self._facts(b)),
        )  # fmt: skip

    def _facts(self, b: Buffer) -> list[str]:
        """What the panel below the picture says of a buffer."""
        first, last = self._kernel(b.start), self._kernel(b.end - 1)
        life = f"while {first} runs" if b.end - b.start == 1 else f"from {first} to {last}, {b.end - b.start} kernels"
        others = [name for name in self.names.get(b.name, []) if name != b.name]
        shared = [f"also holds {', '.join(others[:12])}{' ...' if len(others) > 12 else ''}"] if others else []
        return [b.name, f"{bytes_(b.size)} at offset {b.offset:#x}, live {life}", *shared]

    def _kernel(self, time: int) -> str:
        kernels = self.program.kernels
        return kernels[time].name if time < len(kernels) else "the end"

    def _scale(self) -> list[Markup]:
        made = []
        for k in range(TICKS + 1):
            offset = self.plan.size * k // TICKS
            y = self.y(offset)
            made.append(void("line", x1=LEFT, x2=self.width - 12, y1=y, y2=y, class_="grid"))
            made.append(element("text", bytes_(offset), x=LEFT - 7, y=y + 4, class_="tick"))
        return made

    def _peak(self) -> Markup:
        return void(
            "rect", x=self.x(self.plan.peak), y=TOP, width=self.step, height=HEIGHT + BELOW + LIVE, class_="peak"
        )

    def _bound(self) -> Markup:
        y = self.y(self.plan.lower_bound)
        line = void("line", x1=LEFT, x2=self.width - 12, y1=y, y2=y, class_="bound")
        return element("g", element("title", f"lower bound: {bytes_(self.plan.lower_bound)}"), line)

    def _live(self) -> list[Markup]:
        """The bytes live during each kernel, as an area."""
        live = live_bytes(self.plan, self.steps)
        base = TOP + HEIGHT + BELOW + LIVE
        most = max([*live, 1])
        steps = [f"M{LEFT:.1f} {base:.1f}"]
        for time, size in enumerate(live):
            steps.append(f"V{base - LIVE * size / most:.1f} H{self.x(time + 1):.1f}")
        area = void("path", d=" ".join([*steps, f"V{base:.1f}Z"]), class_="live")
        return [
            area,
            element("text", "live bytes", x=LEFT, y=base - LIVE - 6, class_="caption"),
            element("text", "kernels in the order they run", x=LEFT, y=base + 17, class_="caption"),
            element("text", bytes_(most), x=LEFT - 7, y=base - LIVE + 4, class_="tick"),
            element("text", "0 B", x=LEFT - 7, y=base + 4, class_="tick"),
        ]

    def _columns(self, height: float) -> list[Markup]:
        """A column a kernel, unseen until the kernel is pointed at."""
        return [
            void("rect", x=self.x(k), y=TOP, width=self.step, height=height - TOP - BELOW, class_="column", data_k=k)
            for k in range(len(self.program.kernels))
        ]

    def _hatching(self) -> Markup:
        stripe = void("path", d="M0 6L6 0", class_="stripe")
        pattern = element("pattern", stripe, id="hatch", width=6, height=6, patternUnits="userSpaceOnUse")
        return joined([element("defs", pattern)])


def live_bytes(plan: MemoryPlan, steps: int) -> list[int]:
    """The bytes of the buffers that are live during each of `steps` kernels."""
    change = [0] * (steps + 1)
    for b in plan.buffers:
        change[b.start] += b.size
        change[b.end] -= b.size
    return list(accumulate(change))[:steps]


def _residents(program: Program) -> Mapping[str, Sequence[str]]:
    """The values that lie in each buffer at some time, by the buffer's name."""
    found: dict[str, list[str]] = {}
    for node in program.stored:
        found.setdefault(program.places[node.name].buffer, []).append(node.name)
    return found
