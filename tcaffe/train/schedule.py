"""Learning rates: what each policy makes of the number of updates done so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


def fixed(settings: Any, iteration: int, step: int) -> float:
    """base_lr"""
    return float(settings.base_lr)


def stepwise(settings: Any, iteration: int, step: int) -> float:
    """base_lr gamma^step, for `step` and `multistep`"""
    return float(settings.base_lr * settings.gamma**step)


def exponential(settings: Any, iteration: int, step: int) -> float:
    """base_lr gamma^iteration"""
    return float(settings.base_lr * settings.gamma**iteration)


def inverse(settings: Any, iteration: int, step: int) -> float:
    """base_lr (1 + gamma iteration)^-power"""
    return float(settings.base_lr * (1 + settings.gamma * iteration) ** -settings.power)


def polynomial(settings: Any, iteration: int, step: int) -> float:
    """base_lr (1 - iteration / max_iter)^power; nothing more is learned beyond max_iter"""
    return float(settings.base_lr * max(1 - iteration / settings.max_iter, 0.0) ** settings.power)


def sigmoid(settings: Any, iteration: int, step: int) -> float:
    """base_lr / (1 + exp(-gamma (iteration - stepsize)))"""
    exponent = -settings.gamma * (iteration - settings.stepsize)
    return 0.0 if exponent > 700 else float(settings.base_lr / (1 + math.exp(exponent)))


POLICIES: Mapping[str, Callable[[Any, int, int], float]] = {
    "fixed": fixed,
    "step": stepwise,
    "exp": exponential,
    "inv": inverse,
    "multistep": stepwise,
    "poly": polynomial,
    "sigmoid": sigmoid,
}


@dataclass
class Schedule:
    """The learning rate of a SolverParameter. `step` counts how often it fell; a snapshot keeps it."""

    settings: Any
    step: int = 0

    def rate(self, iteration: int) -> float:
        """The rate of the update after `iteration` of them. Under `multistep` one step at most is taken each time."""
        s = self.settings
        if s.lr_policy == "step":
            self.step = iteration // s.stepsize
        elif s.lr_policy == "multistep" and self.step < len(s.stepvalue) and iteration >= s.stepvalue[self.step]:
            self.step += 1
        return POLICIES[s.lr_policy](s, iteration, self.step)
