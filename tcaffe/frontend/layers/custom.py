"""Layers whose work is done outside of the graph: by code of the user's, or by a file."""

from __future__ import annotations

from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node


@layer("Python", tops=(0, None), in_place=False)
def python(*bottoms: Node, p: LayerView) -> tuple[Node, ...]:
    """What a class of a Python module makes of its bottoms.

    The graph is cut here: its tops are inputs, which whoever runs the net feeds when it comes to the layer.
    """
    shapes, blobs = p.host(*bottoms)
    for i, shape in enumerate(blobs):
        p.blob(f"blob{i}", shape)
    return tuple(p.input(i, shape) for i, shape in enumerate(shapes))


@layer("HDF5Output", tops=0)
def hdf5_output(data: Node, label: Node, p: LayerView) -> tuple[Node, ...]:
    """Nothing in the graph: whoever runs the net writes both bottoms to a file."""
    p.require(bool(p.file_name), "file_name", "HDF5Output does not say what file to write")
    for x in (data, label):
        p.require_axes(x, 0, 4)
    counts = [(*x.shape, 1)[0] for x in (data, label)]
    note = "it writes a label for each item"
    p.require(counts[0] == counts[1], "", f"the bottoms have {counts[0]} and {counts[1]} items", note)
    return ()
