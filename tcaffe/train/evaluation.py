"""Test nets, which have the parameters that are being trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tcaffe.compiler import build, default_workers
from tcaffe.data.feeds import Feed
from tcaffe.frontend.load import NetInState
from tcaffe.frontend.parameters import owner_of, parameter_values
from tcaffe.ir.interpret import evaluate
from tcaffe.passes.pipeline import FAITHFUL
from tcaffe.train.engine import StepEngine
from tcaffe.train.fed import Fed
from tcaffe.train.solver import Arrays


class Evaluation:
    """A test net with the parameters of the layers that `engine` trains under the same names."""

    def __init__(
        self, net: NetInState, feeds: Sequence[Feed], engine: StepEngine, weights: Sequence[Path] = (), *, seed: int = 0
    ) -> None:
        self.net = Fed(net, feeds, seed)
        lowered, trained = self.net.lowered, engine.net.lowered.params
        values = dict(parameter_values(lowered, list(weights), np.random.default_rng(seed)))
        for name, params in lowered.params.items():
            for mine, theirs in zip(params, trained.get(name, ()), strict=False):
                values[owner_of(mine).name] = engine.values[owner_of(theirs).name]
        graph = lowered.graph.with_outputs(self.net.outputs)
        self._values = values
        self._executable = build(graph, values, [FAITHFUL], workers=default_workers())
        self._context = self._executable.context()

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The weight of each loss."""
        return self.net.lowered.loss_weights

    def run(self) -> tuple[float, Arrays]:
        """A forward pass with the parameters of now."""
        assert self._executable.program is not None
        self._executable.params.refresh(evaluate(self._executable.program.prepare, self._values))
        self.net.feed(self._context)
        self._context.run()
        return self.net.results(self._context)
