"""`permute_weights`: a dot over a flattened image reads it as it will lie, and its weights are permuted instead."""

from __future__ import annotations

import math

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.passes.layout import FOLLOWERS, channels_last, is_image, keeps_shape


def permute_weights(graph: Graph) -> Graph:
    """For weights that change seldom: they are put in order once, an image would have to be at every run."""
    return graph.rewrite(flat_image_keeps_its_order)


def flat_image_keeps_its_order(node: Node) -> Node | None:
    """dot(reshape(x), w)  =>  dot(reshape(transpose(x)), w permuted alike),   for an image x flattened per item"""
    match node:
        case Node(ops.dot, (Node(ops.reshape, (x,)) as flat, w)) if _flattens_image(x, flat) and len(w.shape) == 2:
            last = channels_last(len(x.shape))
            image = ops.transpose(x, order=last, name=f"{flat.name}.image")
            rows = ops.reshape(w, shape=(*x.shape[1:], w.shape[1]), name=f"{w.name}.rows")
            axes = (*(a - 1 for a in last[1:]), len(x.shape) - 1)
            permuted = ops.reshape(ops.transpose(rows, order=axes), shape=w.shape, name=w.name)
            return node.with_inputs(ops.reshape(image, shape=flat.shape, name=flat.name), permuted)
    return None


def _flattens_image(x: Node, flat: Node) -> bool:
    while x.op.family == "pointwise" or x.op in FOLLOWERS or keeps_shape(x):
        x = next((i for i in x.inputs if i.op.family != "source"), x.inputs[0])
    spatial = len(x.shape) > 2 and x.shape[1] > 1 and math.prod(x.shape[2:]) > 1
    return is_image(x) and spatial and len(flat.shape) == 2 and flat.shape[0] == x.shape[0]
