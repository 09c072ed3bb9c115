"""Test nets, which have the parameters that are being trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tcaffe.compiler import build, processors
from tcaffe.data.feed import Feed
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.load import NetInState
from tcaffe.frontend.parameters import owner_of, parameter_values
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.target import Target
from tcaffe.passes.pipeline import FAITHFUL
from tcaffe.train.bookmark import Place
from tcaffe.train.engine import StepEngine
from tcaffe.train.fed import Fed
from tcaffe.train.report import Arrays


class Evaluation:
    """A test net. Layers have the parameters of those that are `trained` under the same names, as these are then.

    Raises CompileError for layers of one name with other parameters (E0806).
    """

    def __init__(
        self,
        net: NetInState,
        feeds: Sequence[Feed],
        weights: Sequence[Path] = (),
        *,
        trained: StepEngine | None = None,
        seed: int = 0,
        target: Target | None = None,
    ) -> None:
        self.net, self._trained = Fed(net, feeds, seed), trained
        lowered = self.net.lowered
        start = parameter_values(lowered, list(weights), np.random.default_rng(seed))
        self._values = {name: np.array(value, np.float32) for name, value in start.items()}
        if trained:
            self._take_from(trained)
        graph = lowered.graph.with_outputs(self.net.outputs)
        self._executable = build(graph, self._values, [FAITHFUL], target=target or processors())
        self._context = self._executable.context()

    def _take_from(self, trained: StepEngine) -> None:
        there = trained.net.lowered.params
        for name, params in self.net.lowered.params.items():
            shapes, theirs = [p.shape for p in params], [p.shape for p in there.get(name, params)]
            if shapes != theirs:
                message = f"layer `{name}` has parameters of {_told(theirs)}, in a test net of {_told(shapes)}"
                raise CompileError([Diagnostic("E0806", message)])
            for mine, owner in zip(params, there.get(name, ()), strict=False):
                self._values[owner_of(mine).name] = trained.values[owner_of(owner).name]

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The weight of each loss."""
        return self.net.lowered.loss_weights

    @property
    def place(self) -> Place:
        """Where data and random numbers stand."""
        return self.net.place(self._values)

    @place.setter
    def place(self, place: Place) -> None:
        self.net.move(place, self._values)

    def run(self) -> tuple[float, Arrays]:
        """A forward pass with the parameters of now."""
        if self._trained:
            assert self._executable.program is not None
            self._executable.params.refresh(evaluate(self._executable.program.prepare, self._values))
        self.net.feed(self._context)
        self._context.run()
        return self.net.results(self._context)


def _told(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes) or "no shape"
