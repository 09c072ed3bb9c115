"""Sections: a run of consecutive layers, compiled so that every blob stays readable."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

import numpy as np

from tcaffe.compiler import build, default_workers, prepare
from tcaffe.frontend.lower import Lowered, LoweredLayer
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.ops import input_
from tcaffe.passes.pipeline import FAITHFUL
from tcaffe.pycaffe.blob import Blob

AUTOMATIC = "(automatic)"  # a top that has no name and cannot be read


class Section:
    """Layers `first` to `last` of a net, ready to run on the net's blobs.

    Parameters may change between runs: nothing is folded into them, and what is derived from them is derived anew.
    """

    def __init__(self, lowered: Lowered, first: int, last: int, values: Mapping[str, np.ndarray]) -> None:
        graph, self._state = section_graph(lowered, first, last)
        self._names = {node.name for node in graph.params}
        self._executable = build(graph, self._of(values), FAITHFUL, workers=default_workers(), pack=False)
        self._context = self._executable.context()

    def run(self, blobs: Mapping[str, Blob], values: Mapping[str, np.ndarray]) -> None:
        """Read what the section needs from `blobs`, compute, let the blobs show the results, and update state."""
        program = self._executable.program
        assert program is not None
        self._executable.params.refresh(prepare(program, self._of(values)))
        for name, place in self._context.inputs.items():
            if not np.shares_memory(place, data := blobs[name].data):
                np.copyto(place, data)
        self._context.run()
        for name, value in self._context.outputs.items():
            if name in self._state:
                np.copyto(values[self._state[name]], value)
            else:
                blobs[name].bind(value)

    def _of(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The parameters the section reads."""
        return {name: values[name] for name in values if name in self._names}


def section_graph(lowered: Lowered, first: int, last: int) -> tuple[Graph, dict[str, str]]:
    """Layers `first` to `last` as a graph, and which of its outputs are the new values of which parameters.

    Its inputs are the blobs the layers read from before; its outputs are those, all blobs they make, and the state
    they update.
    """
    before, inside = _last_versions(lowered.layers[:first]), lowered.layers[first : last + 1]
    read = {name: before[name] for layer in inside for name in layer.bottoms if name in before}
    outputs = read | _last_versions(inside)
    state = {}
    for old, new in (update for layer in inside for update in layer.updates.items()):
        name = _fresh(f"{old.name}'", outputs)
        outputs[name], state[name] = new, old.name
    borders = {value: input_(shape=value.shape, name=name) for name, value in read.items() if value.op.name != "input"}
    return Graph(lowered.graph.name, outputs).substitute(borders), state


def _fresh(name: str, taken: Container[str]) -> str:
    """`name` with as many more primes as it needs to be new."""
    return _fresh(f"{name}'", taken) if name in taken else name


def _last_versions(layers: Iterable[LoweredLayer]) -> dict[str, Node]:
    """What each blob is once `layers` have run."""
    tops = (top for layer in layers for top in zip(layer.tops, layer.values, strict=True))
    return {name: value for name, value in tops if name != AUTOMATIC}
