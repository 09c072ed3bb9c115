"""`layout`: in which order the axes of each value lie in memory."""

from __future__ import annotations

from dataclasses import replace

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node

Order = tuple[int, ...]
FOLLOWERS = (ops.concat, ops.slice_, ops.pad, ops.detach, ops.surrogate)


def layout(graph: Graph) -> Graph:
    """Images lie channels last (N, H, W, C), everything else row-major; what is fed keeps the order it is fed in.

    Channels last turns a 1x1 convolution into a plain matrix product, bias and activation into work on long rows,
    and a concatenation of channels into stores next to each other.
    """
    orders: dict[Node, Order] = {}
    done: dict[Node, Node] = {}
    for node in graph.nodes:
        orders[node] = _order(node, orders)
        inputs = tuple(done[i] for i in node.inputs)
        done[node] = replace(node, inputs=inputs).laid_out(orders[node])
    return graph.with_outputs({name: done[node] for name, node in graph.outputs.items()})


def channels_last(rank: int) -> Order:
    """The order of an image of `rank` axes: batch, spatial axes, channels."""
    return (0, *range(2, rank), 1)


def is_image(node: Node) -> bool:
    """Whether `node` is made by a window that slides over spatial axes, or is the gradient of such a one."""
    match node:
        case Node(ops.conv | ops.conv_dx):
            return len(node.shape) > 2
        case Node(ops.pool | ops.pool_dx | ops.unpool, _, {"axes": axes}):
            return len(node.shape) > 2 and 1 not in axes
    return False


def _order(node: Node, orders: dict[Node, Order]) -> Order:
    if is_image(node):
        return channels_last(len(node.shape))
    if node.op.family == "pointwise" or node.op in FOLLOWERS or keeps_shape(node):
        same_rank = (orders[i] for i in node.inputs if len(i.shape) == len(node.shape))
        return next((order for order in same_rank if order), ())
    return ()


def keeps_shape(node: Node) -> bool:
    """Whether `node` is a window with a result for each element."""
    return node.op is ops.pool and node.shape == node.inputs[0].shape
