"""Training a `Net` whose blobs and diffs all stay readable: passes by the net, updates by a program of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcaffe.compiler import build
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.passes.pipeline import UPDATE
from tcaffe.pycaffe.blob import ParameterBlob
from tcaffe.pycaffe.debugged import debug_lines
from tcaffe.pycaffe.net import Net
from tcaffe.pycaffe.settings import SETTINGS
from tcaffe.runtime.context import Context
from tcaffe.train.bookmark import Place
from tcaffe.train.report import Arrays
from tcaffe.train.settings import Settings, weight_files
from tcaffe.train.solver import Solver
from tcaffe.train.update import RATE, assigned, memories, remembered, updates

Callback = Callable[[], object]


def start(settings: Settings, weights: Sequence[Path] | None = None) -> tuple[Solver, NetEngine, list[NetTester]]:
    """The solver of these settings, its engine and its test nets. `weights` go before those the solver's file names.

    Raises CompileError for nets that cannot be trained and for files that do not fit.
    """
    m = settings.message
    if m.random_seed >= 0:
        SETTINGS.start(m.random_seed + SETTINGS.solver_rank)
    net, tests = Net.in_state(settings.train), [Net.in_state(test) for test in settings.tests]
    for file in weight_files(m, settings.folder) if weights is None else weights:
        for each in (net, *tests):
            each.copy_from(file)
    for test in tests:
        test.share_with(net)
    engine, testers = NetEngine(net, m), [NetTester(test) for test in tests]
    return Solver(settings, engine, testers), engine, testers


class Placed:
    """A net of a solver: what its losses weigh, and where its data and the random numbers of this thread stand."""

    net: Net

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The weight of each loss."""
        return self.net.blob_loss_weights

    @property
    def place(self) -> Place:
        """Where data and random numbers stand; setting it goes on from there, as far as it is a place of this net."""
        feeds = tuple((feed.seeds.seed, feed.position) for feed in self.net._feeds)
        state = {name: np.ravel(blob.values).tolist() for name, blob in self._carried()}
        return Place(*SETTINGS.key_place, feeds, state)

    @place.setter
    def place(self, place: Place) -> None:
        SETTINGS.key_place = place.seed, place.draws
        if len(place.feeds) == len(self.net._feeds):
            for feed, (seed, position) in zip(self.net._feeds, place.feeds, strict=True):
                feed.seeds.seed, feed.position = seed, position
        for name, blob in self._carried():
            if len(place.state.get(name, ())) == blob.values.size:
                blob.set(np.reshape(place.state[name], blob.shape))

    def _carried(self) -> list[tuple[str, ParameterBlob]]:
        """What is carried from pass to pass, and is no parameter that a snapshot holds."""
        names = [p.node.name for p in self.net._lowered.parameters if p.index is None]
        return [(name, self.net._parameters.blobs[name]) for name in names]


class NetEngine(Placed):
    """A net that is trained: `net.forward` and `net.backward`, then all parameters at once.

    As in the original the diffs of parameters are then the steps that were taken from them. `callbacks` are pairs: what
    is called when an iteration starts, and when its gradients are there.
    """

    def __init__(self, net: Net, settings: Any) -> None:
        self.net, self._settings = net, settings
        self.callbacks: list[tuple[Callback, Callback]] = []
        self._remembered = remembered(net._lowered, settings)
        self._learned = [each.node for each in self._remembered if each.learns]
        self._memory = {m.name: np.zeros(m.shape, np.float32) for m in memories(self._remembered)}
        self._update: tuple[tuple[int, ...], Context] | None = None

    @property
    def name(self) -> str:
        """The net's name."""
        return self.net.name

    @property
    def memory(self) -> Sequence[np.ndarray]:
        """What the rule remembers."""
        return list(self._memory.values())

    def iterate(self, rate: float, debug: Callable[[str], None] | None = None) -> float:
        """Forward and backward `iter_size` times, and an update."""
        self.net.clear_param_diffs()
        for start, _ in self.callbacks:
            start()
        losses = []
        for _ in range(self._settings.iter_size):
            losses.append(self.forward())
            self.net.backward()
            if debug:
                for line in debug_lines(self.net):
                    debug(line)
        for _, ready in self.callbacks:
            ready()
        self.update(rate)
        return float(np.mean(losses))

    def forward(self) -> float:
        """A forward pass."""
        return self.net._forward(0, len(self.net.layers) - 1)

    def outputs(self) -> Arrays:
        """The net's outputs."""
        return {name: self.net.blobs[name].data for name in self.net.outputs}

    def update(self, rate: float) -> None:
        """Take from the parameters what the rule makes of their diffs."""
        if not self._learned:
            return
        context = self._context()
        context.inputs[RATE][...] = rate
        context.run()
        for w in self._learned:
            self.net._parameters.blobs[w.name].changed()

    def _context(self) -> Context:
        """The update, bound to the arrays that the net has now."""
        blobs = {w: self.net._parameters.blobs[w.name] for w in self._learned}
        values = {w.name: blob.values for w, blob in blobs.items()} | self._memory
        values |= {f"{w.name}.diff": blob.diff for w, blob in blobs.items()}
        arrays = tuple(map(id, values.values()))
        if self._update is None or self._update[0] != arrays:
            diffs = {w: ops.param(shape=w.shape, name=f"{w.name}.diff") for w in blobs}
            made = updates(self._settings, self._remembered, diffs)
            outputs = made.outputs | assigned({diffs[w]: step for w, step in made.steps.items()})
            executable = build(Graph("update", outputs), values, [UPDATE], target=SETTINGS.target)
            self._update = arrays, executable.context()
        return self._update[1]

    def save(self, path: Path) -> None:
        """Write the net's parameters, with their diffs if the solver says so."""
        (self.net.save_hdf5 if path.suffix == ".h5" else self.net.save)(path, self._settings.snapshot_diff)

    def load(self, path: Path) -> None:
        """Take the parameters a file has."""
        self.net.copy_from(path)


class NetTester(Placed):
    """A test net with the parameters of the one that is trained."""

    def __init__(self, net: Net) -> None:
        self.net = net

    def run(self) -> tuple[float, Arrays]:
        """A forward pass."""
        loss = self.net._forward(0, len(self.net.layers) - 1)
        return loss, {name: self.net.blobs[name].data for name in self.net.outputs}
