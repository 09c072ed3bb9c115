"""Sections: a run of consecutive layers, compiled so that every blob stays readable."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

import numpy as np

from tcaffe.compiler import build, default_workers
from tcaffe.frontend.lower import Lowered, LoweredLayer
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.passes.pipeline import FAITHFUL
from tcaffe.pycaffe.blob import Blob, ParameterBlob

AUTOMATIC = "(automatic)"  # a top that has no name and cannot be read


class Section:
    """Layers `first` to `last` of a net, ready to run on the net's blobs.

    Parameters may change between runs: nothing is folded into them, and what is derived from one is derived anew
    when it may have changed.
    """

    def __init__(self, lowered: Lowered, first: int, last: int, params: Mapping[str, ParameterBlob]) -> None:
        graph, self._state = section_graph(lowered, first, last)
        self._random = lowered.random.name if lowered.random else None
        self._params = {node.name: params[node.name] for node in graph.params}
        self._versions = self._versions_now()
        self._executable = build(graph, self._values, FAITHFUL, workers=default_workers(), pack=False)
        self._context = self._executable.context()
        assert self._executable.program is not None
        self._prepare = self._executable.program.prepare
        self._sources = {name: _params_of(node) for name, node in self._prepare.outputs.items()}

    def run(self, blobs: Mapping[str, Blob], key: np.ndarray | None = None) -> None:
        """Read what the section needs from `blobs`, compute, let the blobs show the results, and update state.

        `key` is that of the random numbers, where the net draws any.
        """
        self._refresh()
        for name, place in self._context.inputs.items():
            data = key if name == self._random and key is not None else blobs[name].data
            if not np.shares_memory(place, data):
                np.copyto(place, data)
        self._context.run()
        for name, value in self._context.outputs.items():
            if name in self._state:
                self._params[self._state[name]].set(value)
            else:
                blobs[name].bind(value)

    def _refresh(self) -> None:
        """Derive anew what the kernels read of parameters that may have changed."""
        old, self._versions = self._versions, self._versions_now()
        changed = {name for name, version in self._versions.items() if version != old[name]}
        stale = {n: node for n, node in self._prepare.outputs.items() if not changed.isdisjoint(self._sources[n])}
        self._executable.params.refresh(evaluate(self._prepare.with_outputs(stale), self._values))

    def _versions_now(self) -> dict[str, int]:
        return {name: blob.version for name, blob in self._params.items()}

    @property
    def _values(self) -> dict[str, np.ndarray]:
        return {name: blob.values for name, blob in self._params.items()}


def _params_of(node: Node) -> frozenset[str]:
    """The parameters that a value is derived from."""
    return frozenset(n.name for n in topological((node,)) if n.op is ops.param)


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
    borders = {v: ops.input_(shape=v.shape, name=name) for name, v in read.items() if v.op is not ops.input_}
    return Graph(lowered.graph.name, outputs).substitute(borders), state


def _fresh(name: str, taken: Container[str]) -> str:
    """`name` with as many more primes as it needs to be new."""
    return _fresh(f"{name}'", taken) if name in taken else name


def _last_versions(layers: Iterable[LoweredLayer]) -> dict[str, Node]:
    """What each blob is once `layers` have run."""
    tops = (top for layer in layers for top in zip(layer.tops, layer.values, strict=True))
    return {name: value for name, value in tops if name != AUTOMATIC}
