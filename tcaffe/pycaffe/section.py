"""Sections: a run of consecutive layers, compiled so that every blob stays readable."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from tcaffe.compiler import build
from tcaffe.frontend.lower import Lowered
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.passes.pipeline import FAITHFUL
from tcaffe.pycaffe.backward import backward_graph
from tcaffe.pycaffe.blob import Blob, ParameterBlob
from tcaffe.pycaffe.cutting import isolated, last_versions, read_before
from tcaffe.pycaffe.settings import SETTINGS

Values = Mapping[str, np.ndarray]


class Part:
    """A graph, compiled for parameters that may change between runs.

    Nothing is folded into them, and what is derived from one is derived anew when it may have changed.
    """

    def __init__(self, graph: Graph, params: Mapping[str, ParameterBlob]) -> None:
        self._params = {node.name: params[node.name] for node in graph.params}
        self._versions = self._versions_now()
        self._executable = build(graph, self._values, [FAITHFUL], target=SETTINGS.target)
        self._context = self._executable.context()
        assert self._executable.program is not None
        self._prepare = self._executable.program.prepare
        self._sources = {name: _params_of(node) for name, node in self._prepare.outputs.items()}

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what it reads beside the parameters."""
        return tuple(self._context.inputs)

    def run(self, feed: Values) -> Values:
        """Compute the outputs; they are live: the next run writes to them."""
        self._refresh()
        places, arena = self._context.inputs, self._context.arena.bytes
        fed = {name: feed[name] for name, place in places.items() if not _same_array(feed[name], place)}
        # What an earlier run left in this arena is taken out before anything is written there.
        fed = {name: array.copy() if np.may_share_memory(array, arena) else array for name, array in fed.items()}
        for name, array in fed.items():
            np.copyto(places[name], array)
        self._context.run()
        return self._context.outputs

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


def _same_array(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays are the same elements, not merely the same memory."""
    return x.ctypes.data == y.ctypes.data and x.strides == y.strides and x.dtype == y.dtype


def _params_of(node: Node) -> frozenset[str]:
    """The parameters that a value is derived from."""
    return frozenset(n.name for n in topological((node,)) if n.op is ops.param)


class Forward:
    """Layers `first` to `last` of a net, ready to run on the net's blobs; values called `kept` are there afterwards."""

    def __init__(
        self, lowered: Lowered, first: int, last: int, params: Mapping[str, ParameterBlob], kept: frozenset[str]
    ) -> None:
        graph, self._state, self._kept = forward_graph(lowered, first, last, kept)
        self._params = params
        self._part = Part(graph, params)

    def run(self, blobs: Mapping[str, Blob], more: Values) -> Values:
        """Read what the layers need from `blobs` and from `more`, let the blobs show the results, and update state.

        What is kept for the backward pass is returned, by name.
        """
        feed = {name: more[name] if name in more else blobs[name].data for name in self._part.inputs}
        outputs = self._part.run(feed)
        kept = {value: outputs[name] for name, value in self._kept.items()}
        for name, value in outputs.items():
            if name in self._state:
                self._params[self._state[name]].set(value)
            elif name not in self._kept:
                blobs[name].bind(value)
        return kept


class Backward:
    """The gradients of layers `first` to `last`, ready to run on the net's blobs after a forward pass."""

    def __init__(self, lowered: Lowered, first: int, last: int, params: Mapping[str, ParameterBlob]) -> None:
        self._plan, self._params = backward_graph(lowered, first, last), params
        self._part = Part(self._plan.graph, params) if self._plan.graph.outputs else None

    def run(self, blobs: Mapping[str, Blob], more: Values) -> None:
        """Read diffs from `blobs`, put those of the layers' bottoms there, and add to those of parameters."""
        if self._part is None:
            return
        feed: dict[str, np.ndarray] = {}
        for name in self._part.inputs:
            if name in self._plan.diff:
                feed[name] = blobs[self._plan.diff[name]].diff
            elif name in self._plan.data:
                feed[name] = blobs[self._plan.data[name]].data
            else:
                feed[name] = more[self._plan.kept.get(name, name)]
        outputs = self._part.run(feed)
        for name, blob in self._plan.blobs.items():
            blobs[blob].bind_diff(outputs[name])
        for name, param in self._plan.params.items():
            self._params[param].diff[...] += outputs[name]


def forward_graph(
    lowered: Lowered, first: int, last: int, kept: frozenset[str] = frozenset()
) -> tuple[Graph, dict[str, str], dict[str, str]]:
    """Layers `first` to `last` as a graph; which of its outputs are new values of parameters, and which are kept.

    Its inputs are the blobs the layers read from before; its outputs are those, all blobs they make, the state they
    update, and the values called `kept`.
    """
    before, inside = read_before(lowered, first, last), lowered.layers[first : last + 1]
    updates = [update for layer in inside for update in layer.updates.items()]
    blobs = before | last_versions(inside)
    made = (*(v for layer in inside for v in layer.values), *(new for _, new in updates))
    values = [*before.values(), *blobs.values(), *made]
    here = isolated(lowered, before, values)
    outputs = {name: here[value] for name, value in blobs.items()}
    state, saved = dict[str, str](), dict[str, str]()
    for old, new in updates:
        name = _fresh(f"{old.name}'", outputs)
        outputs[name], state[name] = here[new], old.name
    borders = {here[v] for v in before.values() if here[v] is not v}
    for node in topological(here[v] for v in values):
        if node.name in kept and node not in borders:
            name = _fresh(f"{node.name}'", outputs)
            outputs[name], saved[name] = node, node.name
    return Graph(lowered.graph.name, outputs), state, saved


def _fresh(name: str, taken: Container[str]) -> str:
    """`name` with as many more primes as it needs to be new."""
    return _fresh(f"{name}'", taken) if name in taken else name
