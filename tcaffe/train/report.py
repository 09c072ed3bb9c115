"""What is said of outputs: their means over many batches, as lines of the original's log, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Means:
    """The means of losses and outputs over batches."""

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._sums: dict[str, np.ndarray] = {}

    def add(self, loss: float, outputs: Arrays) -> None:
        """Count a batch."""
        self._losses.append(loss)
        for name, value in outputs.items():
            self._sums[name] = self._sums.get(name, 0) + value.astype(np.float64)

    @property
    def loss(self) -> float:
        """The mean loss."""
        return float(np.mean(self._losses))

    @property
    def outputs(self) -> dict[str, np.ndarray]:
        """The mean of every output, number by number: float64."""
        return {name: total / len(self._losses) for name, total in self._sums.items()}


def shown(number: float) -> str:
    """A number as C++ streams print it, with six digits."""
    return f"{number:.6g}"


def output_lines(net: str, outputs: Arrays, weights: Mapping[str, float]) -> Iterator[str]:
    """A line for every number of every output, numbered through; losses with their weight."""
    for k, (name, value) in enumerate(numbered(outputs)):
        yield f"    {net} net output #{k}: {output_text(name, value, weights)}"


def output_text(name: str, value: float, weights: Mapping[str, float]) -> str:
    """A number of an output, and what a loss counts with its weight."""
    weight = weights.get(name, 0.0)
    loss = f" (* {shown(weight)} = {shown(weight * value)} loss)" if weight else ""
    return f"{name} = {shown(value)}{loss}"


def numbered(outputs: Arrays) -> Iterator[tuple[str, float]]:
    """Every number of every output, with the output's name."""
    return ((name, value) for name, array in outputs.items() for value in np.ravel(array).tolist())


def plain(outputs: Arrays) -> dict[str, Any]:
    """Outputs as JSON takes them: those of one number as it is."""
    return {name: float(np.ravel(a)[0]) if np.size(a) == 1 else np.asarray(a).tolist() for name, a in outputs.items()}
