"""Solvers, as pycaffe shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcaffe.pycaffe.log import log
from tcaffe.pycaffe.net import Net
from tcaffe.pycaffe.parameters import File
from tcaffe.pycaffe.training import start
from tcaffe.train.settings import read_settings


class Solver:
    """A solver's file at work: `net` is trained, `test_nets` have its parameters.

    Raises CompileError with every problem of the solver and of its train net.
    """

    rule: str | None = None  # instead of the `type` that the file says

    def __init__(self, solver_file: File) -> None:
        self._loop, self._engine, testers = start(read_settings(solver_file, self.rule))
        self._loop.say = log
        self.param: Any = self._loop.settings.message
        self.net = self._engine.net
        self.test_nets = [tester.net for tester in testers]

    @property
    def iter(self) -> int:
        """Updates done."""
        return self._loop.iteration

    @property
    def lr(self) -> float:
        """The learning rate of the next update."""
        return self._loop.schedule.rate(self.iter)

    def step(self, count: int) -> None:
        """Do `count` more iterations, with what is due in between."""
        self._loop.step(count)

    def solve(self, state_file: File | None = None) -> None:
        """Train up to `max_iter`, from a snapshot's state if one is given."""
        self._loop.solve(None if state_file is None else str(state_file))

    def restore(self, state_file: File) -> None:
        """Go on from a snapshot's state; raises CompileError where it does not fit."""
        self._loop.restore(str(state_file))

    def snapshot(self) -> None:
        """Write weights and state; raises OSError."""
        self._loop.snapshot()

    def apply_update(self) -> None:
        """Update the parameters from their diffs, as the end of an iteration does."""
        self._engine.update(self._loop.corrected(self.lr))
        self._loop.iteration += 1

    def share_weights(self, net: Net) -> None:
        """Give another net the parameters that are trained."""
        net.share_with(self.net)

    def add_callback(self, on_start: Callable[[], object], on_gradients_ready: Callable[[], object]) -> None:
        """Call these when an iteration starts, and when its gradients are there."""
        self._engine.callbacks.append((on_start, on_gradients_ready))


class SGDSolver(Solver):
    """Stochastic gradient descent with momentum."""

    rule = "SGD"


class NesterovSolver(Solver):
    """Nesterov's accelerated gradient."""

    rule = "Nesterov"


class AdaGradSolver(Solver):
    """AdaGrad."""

    rule = "AdaGrad"


class RMSPropSolver(Solver):
    """RMSProp."""

    rule = "RMSProp"


class AdaDeltaSolver(Solver):
    """AdaDelta."""

    rule = "AdaDelta"


class AdamSolver(Solver):
    """Adam."""

    rule = "Adam"


def get_solver(solver_file: File) -> Solver:
    """The solver in a file, with the rule it says."""
    return Solver(solver_file)
