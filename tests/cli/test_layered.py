from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tcaffe.cli.draw.layered import GAP_X, Layout, arrange


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    count = draw(st.integers(1, 14))
    sizes = draw(st.lists(st.tuples(st.floats(20, 200), st.floats(20, 80)), min_size=count, max_size=count))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    arrows = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=25)) if pairs else []
    return sizes, arrows


@given(graphs())
def test_boxes_keep_apart_and_arrows_point_down(graph: tuple[list[tuple[float, float]], list[tuple[int, int]]]) -> None:
    sizes, arrows = graph
    layout = arrange(sizes, arrows)
    for i, ((w, h), (x, y)) in enumerate(zip(sizes, layout.boxes, strict=True)):
        assert x - w / 2 >= 0 and x + w / 2 <= layout.width and y - h / 2 >= 0 and y + h / 2 <= layout.height
        for j in range(i):
            overlap_x = abs(layout.boxes[j][0] - x) < (sizes[j][0] + w) / 2 + GAP_X - 1e-6
            overlap_y = abs(layout.boxes[j][1] - y) < (sizes[j][1] + h) / 2
            assert not (overlap_x and overlap_y)
    for (source, target), path in zip(arrows, layout.paths, strict=True):
        below = (layout.boxes[source][0], layout.boxes[source][1] + sizes[source][1] / 2)
        others = [p for a, p in zip(arrows, layout.paths, strict=True) if a[0] == source and p is not path]
        assert path[0] == below or any(path[0] in other for other in others)
        assert path[-1] == (layout.boxes[target][0], layout.boxes[target][1] - sizes[target][1] / 2)
        assert all(low[1] <= high[1] for low, high in pairwise(path))


def chain(count: int) -> Layout:
    return arrange([(50.0, 20.0)] * count, [(k, k + 1) for k in range(count - 1)])


def test_a_chain_is_straight() -> None:
    assert len({x for x, _ in chain(9).boxes}) == 1


def test_a_shortcut_passes_beside_the_boxes_it_skips() -> None:
    layout = arrange([(50.0, 20.0)] * 4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    shortcut = layout.paths[3]
    assert len(shortcut) == 2 + 2 * 2
    for x, y in shortcut[1:-1]:
        for box_x, box_y in layout.boxes[1:3]:
            assert abs(y - box_y) > 10 or abs(x - box_x) > 25


def test_neighbours_are_sorted_until_nothing_crosses() -> None:
    layout = arrange([(50.0, 20.0)] * 4, [(0, 3), (1, 2)])
    (a, b, c, d) = (x for x, _ in layout.boxes)
    assert (a < b) == (d < c)


def test_a_value_read_everywhere_has_one_trunk() -> None:
    """A thousand readers of one input cost a thousand bends, not half a million."""
    count = 1000
    arrows = [(k, k + 1) for k in range(count - 1)] + [(0, k) for k in range(2, count)]
    layout = arrange([(50.0, 20.0)] * count, arrows)
    assert sum(map(len, layout.paths)) < 8 * count


def test_a_hostile_graph_is_drawn_without_bends() -> None:
    count = 600
    arrows = [(k, count - 1) for k in range(count - 1)] + [(k, k + 1) for k in range(count - 2)]
    assert len(arrange([(50.0, 20.0)] * count, arrows).paths) == len(arrows)
