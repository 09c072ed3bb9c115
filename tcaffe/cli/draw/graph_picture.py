"""The graph as a picture: kernels as boxes, values as lines from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence

from tcaffe.cli.draw.flow import Box, Flow
from tcaffe.cli.draw.layered import Point, Size, arrange
from tcaffe.cli.draw.markup import Markup, clipped, element, joined, void

LINE = 15.0  # pixels a line of text takes
PADDING = 11.0
TITLE_WIDTH, LINE_WIDTH = 7.4, 6.4  # pixels of a character, on the wide side
LONGEST = 44  # characters of a line


def graph_picture(flow: Flow) -> Markup:
    """`flow` as an SVG element of its natural size."""
    layout = arrange([_size(box) for box in flow.boxes], [(a.source, a.target) for a in flow.arrows])
    pairs = zip(flow.arrows, layout.paths, strict=True)
    arrows = [_line(path, arrow.value) for arrow, path in pairs]
    boxes = [_box(box, middle) for box, middle in zip(flow.boxes, layout.boxes, strict=True)]
    width, height = round(layout.width), round(layout.height)
    return element(
        "svg", _arrowhead(), element("g", *arrows, class_="lines"), *boxes,
        class_="graph", viewBox=f"0 0 {width} {height}", width=width, height=height, role="img",
        aria_label=f"the graph of {flow.name}",
    )  # fmt: skip


def _size(box: Box) -> Size:
    title = len(clipped(box.title, LONGEST)) * TITLE_WIDTH
    widest = max([title, *(len(clipped(line, LONGEST)) * LINE_WIDTH for line in box.lines)])
    return max(widest, 60.0) + 2 * PADDING, (1 + len(box.lines)) * LINE + 2 * PADDING - 4


def _box(box: Box, middle: Point) -> Markup:
    width, height = _size(box)
    left, top = middle[0] - width / 2, middle[1] - height / 2
    texts = [
        element("text", clipped(line, LONGEST), x=middle[0], y=top + PADDING + LINE * k + 9, class_="t" if k else "h")
        for k, line in enumerate((box.title, *box.lines))
    ]
    linked = {} if box.kernel is None else {"data_k": box.kernel}
    return element(
        "g", element("title", " | ".join((box.title, *box.lines))),
        void("rect", x=left, y=top, width=width, height=height, rx=12 if box.kernel is None else 5), *texts,
        class_=f"box k-{box.kind}", **linked,
    )  # fmt: skip


def _line(path: Sequence[Point], value: str) -> Markup:
    """A curve through the points, upright at each of them."""
    (x, y), *rest = path
    steps = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        steps.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return element("path", element("title", value), d=" ".join(steps), marker_end="url(#arrow)")


def _arrowhead() -> Markup:
    shape = void("path", d="M0 0L7 3.5L0 7Z")
    marker = element(
        "marker", shape, id="arrow", viewBox="0 0 7 7", refX=7, refY=3.5, markerWidth=7, markerHeight=7, orient="auto"
    )
    return joined([element("defs", marker)])
