"""Cutting: some layers of a net as a graph of their own, whose inputs are the blobs they read from before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tcaffe.frontend.lower import AUTOMATIC, Lowered, LoweredLayer
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node


def last_versions(layers: Iterable[LoweredLayer]) -> dict[str, Node]:
    """What each blob is once `layers` have run."""
    tops = (top for layer in layers for top in zip(layer.tops, layer.values, strict=True))
    return {name: value for name, value in tops if name != AUTOMATIC}


def read_before(lowered: Lowered, first: int, last: int) -> dict[str, Node]:
    """The blobs that layers `first` to `last` take from the layers before them, as they find them."""
    before, made, read = last_versions(lowered.layers[:first]), set[str](), dict[str, Node]()
    for layer in lowered.layers[first : last + 1]:
        read |= {name: before[name] for name in layer.bottoms if name in before and name not in made}
        made.update(layer.tops)
    return read


def isolated(lowered: Lowered, before: Mapping[str, Node], values: Iterable[Node]) -> dict[Node, Node]:
    """`values` computed from inputs named like the blobs `before`, in place of what those are computed from."""
    borders = {
        v: ops.input_(shape=v.shape, dtype=v.type.dtype, name=name)
        for name, v in before.items()
        if v.op is not ops.input_
    }
    every = {str(k): value for k, value in enumerate(dict.fromkeys(values))}
    here = Graph(lowered.graph.name, every).substitute(borders).outputs
    return {value: here[k] for k, value in every.items()}
