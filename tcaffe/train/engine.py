"""The engine of `tcaffe train`: a whole iteration, from a batch to the next parameters, as one planned program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcaffe.compiler import build, processors
from tcaffe.data.feed import Feed
from tcaffe.frontend.load import NetInState
from tcaffe.frontend.parameters import load_values, owner_of, parameter_values, shared_places
from tcaffe.frontend.weights import write_caffemodel, write_hdf5
from tcaffe.gradients import training_graph
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.target import Target
from tcaffe.passes.pipeline import SEGMENTS, training
from tcaffe.runtime.context import Context
from tcaffe.runtime.executable import Executable
from tcaffe.train.bookmark import Place
from tcaffe.train.debug import Debugging
from tcaffe.train.fed import Fed
from tcaffe.train.group import ALONE, Group
from tcaffe.train.report import Arrays
from tcaffe.train.update import RATE, assigned, memories, remembered, updates


class StepEngine:
    """A net that is trained, its parameters and what the rule remembers of them, all in `values` by name.

    With an `iter_size` above 1 all sub-batches but the last run another program, which adds to gradients that are kept.
    """

    def __init__(
        self,
        net: NetInState,
        feeds: Sequence[Feed],
        settings: Any,
        weights: Sequence[Path] = (),
        *,
        seed: int = 0,
        memory_budget: int | None = None,
        target: Target | None = None,
        group: Group = ALONE,
    ) -> None:
        self.net, self._settings, self.group = Fed(net, feeds, seed, group.rank), settings, group
        self._budget, self._target = memory_budget, target or processors()
        lowered = self.net.lowered
        start = parameter_values(lowered, list(weights), np.random.default_rng(seed))
        self.values = {name: np.array(value, np.float32) for name, value in start.items()}
        self._remembered = remembered(lowered, settings)
        self._memories = memories(self._remembered)
        self.values |= {node.name: np.zeros(node.shape, np.float32) for node in self._memories}
        gradients = training_graph(lowered, {}).gradients
        learned = [each.node for each in self._remembered if each.learns]
        self._gradients = {w: gradients[w] for w in learned if w in gradients}
        self._sums: Mapping[Node, Node] = {}
        self._steps = {w: ops.param(shape=w.shape, name=f"{w.name}.diff") for w in learned if settings.snapshot_diff}
        self.values |= {step.name: np.zeros(step.shape, np.float32) for step in self._steps.values()}
        self._forward_alone: Context | None = None
        self._compile()

    # ── programs ────────────────────────────────────────────────────────────────────────────────────

    executable: Executable
    """The program of an iteration's last pass."""

    def _compile(self) -> None:
        """Make the programs that an iteration needs."""
        if self._settings.iter_size > 1:
            self._sums = {w: sum_of(w) for w in self._gradients}
            self.values |= {total.name: np.zeros(total.shape, np.float32) for total in self._sums.values()}
        self.executable = self._built(self._last_pass())
        self._last = self.executable.context()
        self._others = self._built(self._gathering()).context() if self._sums else self._last

    def _last_pass(self) -> Graph:
        """The last pass of an iteration, and the update."""
        found = {w: self._sums[w] + g if self._sums else g for w, g in self._gradients.items()}
        return self._graph(self._update_by(found))

    def _update_by(self, gradients: Mapping[Node, Node]) -> dict[str, Node]:
        """Outputs that update the parameters, keep the steps they took if snapshots hold them, and clear the sums."""
        made = updates(self._settings, self._remembered, gradients)
        kept = {self._steps[w]: step for w, step in made.steps.items() if w in self._steps}
        sums = self._sums.values() if self._settings.iter_size > 1 else ()
        zeros = {total: ops.const(value=0.0, shape=total.shape) for total in sums}
        return made.outputs | assigned(kept | zeros)

    def _gathering(self) -> Graph:
        """A pass before the last: gradients are added to those of the passes before."""
        return self._graph(assigned({self._sums[w]: self._sums[w] + g for w, g in self._gradients.items()}))

    def _graph(self, rest: Mapping[str, Node]) -> Graph:
        return Graph(self.net.lowered.graph.name, {**self._forward(), **rest})

    def _forward(self) -> dict[str, Node]:
        """The outputs of the forward pass: the net's own, and what becomes of its state."""
        state = {old: new for layer in self.net.lowered.layers for old, new in layer.updates.items()}
        return self.net.outputs | assigned(state)

    def _built(self, graph: Graph) -> Executable:
        pipelines = (training(self._forward(), segments) for segments in SEGMENTS)
        return build(graph, self.values, pipelines, target=self._target, memory_budget=self._budget)

    # ── what a solver asks for ──────────────────────────────────────────────────────────────────────

    @property
    def name(self) -> str:
        """The net's name."""
        return self.net.lowered.name

    @property
    def items(self) -> int:
        """Items, such as images, of an iteration, in all processes."""
        return self.net.items * self._settings.iter_size * self.group.size

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The weight of each loss."""
        return self.net.lowered.loss_weights

    @property
    def memory(self) -> Sequence[np.ndarray]:
        """What the rule remembers."""
        return [self.values[node.name] for node in self._memories]

    @property
    def place(self) -> Place:
        """Where data and random numbers stand."""
        return self.net.place(self.values)

    @place.setter
    def place(self, place: Place) -> None:
        self.net.move(place, self.values)

    def iterate(self, rate: float, debug: Callable[[str], None] | None = None) -> float:
        """All passes of an iteration, and the update with the last, whose debugging lines are given to `debug`."""
        losses = [self._pass(self._others) for _ in range(self._settings.iter_size - 1)]
        context = self._last if debug is None else self._debugged()
        losses.append(self._finish(context, rate))
        if debug is not None:
            for line in self._debugging.told(context.outputs):
                debug(line)
        return float(np.mean(losses))

    def _finish(self, context: Context, rate: float) -> float:
        """The last pass, and the update."""
        set_rate(context, rate)
        return self._pass(context)

    def _pass(self, context: Context, finished: Callable[[str], None] | None = None) -> float:
        """The next batch through a program; its loss."""
        self._ran = context
        self.net.feed(context)
        context.run(finished)
        return self.net.results(context)[0]

    def _debugged(self) -> Context:
        """The last pass with what debugging tells; compiled when it is first asked for."""
        if "_debugging" not in self.__dict__:
            self._debugging = Debugging(self.net.lowered, [*self._gradients])
            last = self._last_pass()
            self._debugs = self._built(last.with_outputs({**last.outputs, **self._debugging.outputs})).context()
        return self._debugs

    def outputs(self) -> Arrays:
        """The outputs of the last pass."""
        return self.net.results(self._ran)[1]

    def forward(self) -> float:
        """A forward pass that changes nothing."""
        if self._forward_alone is None:
            graph = self.net.lowered.graph.with_outputs(self.net.outputs)
            self._forward_alone = build(graph, self.values, [training(())], target=self._target).context()
        return self._pass(self._forward_alone)

    def save(self, path: Path) -> None:
        """Write the net with its parameters, and the steps they took last if the solver says so; to .h5 these alone."""
        arrays = {
            layer.name: [self.values[owner_of(p).name].reshape(p.shape) for p in layer.params]
            for layer in self.net.lowered.layers
        }
        diffs = {
            layer.name: [self._step_of(owner_of(p)).reshape(p.shape) for p in layer.params]
            for layer in self.net.lowered.layers
            if self._settings.snapshot_diff
        }
        if path.suffix == ".h5":
            write_hdf5(path, list(arrays), arrays, shared_places(self.net.lowered), diffs)
        else:
            write_caffemodel(path, self.net.message, arrays, diffs)

    def _step_of(self, w: Node) -> np.ndarray:
        """What was last taken from a parameter."""
        return self.values[self._steps[w].name] if w in self._steps else np.zeros(w.shape, np.float32)

    def load(self, path: Path) -> None:
        """Take the parameters that a file has for layers of the same names."""
        for name, value in load_values(self.net.lowered, path)[0].items():
            np.copyto(self.values[name], value)


def sum_of(w: Node) -> Node:
    """Where the gradients of several passes add up."""
    return ops.param(shape=w.shape, name=f"{w.name}.sum")


def set_rate(context: Context, rate: float) -> None:
    """Give a program its learning rate, unless nothing in it learns."""
    if RATE in context.inputs:
        context.inputs[RATE][...] = rate
