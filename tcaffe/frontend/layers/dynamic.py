"""Layers whose results depend on numbers for their order or their size."""

from __future__ import annotations

from tcaffe.frontend.layers.common import along, filled, reshaped
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import broadcast, cast, equal, gather, iota, reduce_sum, select, top_k

MOST_ITEMS = 1 << 22  # whose numbers, and twice these, an f32 tells apart


@layer("BatchReindex", in_place=False)
def batch_reindex(x: Node, index: Node, p: LayerView) -> Node:
    """The items of x that the numbers in `index` name; a number outside stands for the nearest item."""
    p.require(len(x.shape) > 0, "", "bottom 0 is a single number", "its first axis must count items")
    p.require(len(index.shape) == 1, "", f"bottom 1 has shape {list(index.shape)}", "it must be a list of numbers")
    return gather(x, cast(index, dtype="i32"), axis=0)


@layer("Filter", tops=(1, None), in_place=False)
def filter_items(x: Node, *more: Node, p: LayerView) -> tuple[Node, ...]:
    """The items of each bottom but the last for which the last one, the selector, is not zero.

    How many these are is known when the net runs. A host cuts the net here and tells the size of the tops; in a graph
    that runs as a whole they have as many items as the bottoms: those selected come first, and zeros follow.
    """
    *bottoms, selector = (x, *more)
    p.require(len(bottoms) == p.tops, "", f"{1 + len(more)} bottoms and {p.tops} tops", "the last bottom selects")
    count = (*selector.shape, 0)[0]
    note = "the selector holds a number for each item"
    p.require(selector.type.size == count > 0, "", f"the selector has shape {list(selector.shape)}", note)
    for i, y in enumerate(bottoms):
        message = f"bottom {i} has shape {list(y.shape)}, the selector {list(selector.shape)}"
        p.require(y.shape[:1] == (count,), "", message, note)
    if p.has_host:
        shapes, _ = p.host(*bottoms, selector)
        return tuple(p.input(i, tuple(shape)) for i, shape in enumerate(shapes))
    p.require(count <= MOST_ITEMS, "", f"{count} items to select from", f"they may be {MOST_ITEMS}")
    return _selected_first(bottoms, reshaped(selector, (count,)))


def _selected_first(bottoms: list[Node], selector: Node) -> tuple[Node, ...]:
    """The selected items in order, then zeros."""
    (count,) = selector.shape
    number = iota(axis=0, shape=(count,))
    weight = select(equal(selector, 0), filled(0, number), filled(1, number))
    order = cast(top_k(weight * count - number, k=count, axis=0), dtype="i32")
    inside = broadcast(reduce_sum(weight, axes=(0,)), axes=(), shape=(count,)) > number
    found = (gather(x, order, axis=0) for x in bottoms)
    return tuple(select(along(inside, y, 0), y, filled(0, y)) for y in found)
