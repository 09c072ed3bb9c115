"""Random numbers of data that depend on nothing but a seed and the place in the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Random = Callable[[], np.random.Generator]
"""Gives the generator of the moment: scripts may start all random numbers anew."""


class Seeds:
    """Generators for places in the data: the same place has the same numbers, in whatever order places are asked for.

    The seed is drawn from `random()` when it is first needed, and again when that is another generator than before.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._source: np.random.Generator | None = None
        self.seed = 0
        self.renew()

    def renew(self) -> bool:
        """Draw a seed if random numbers have been started anew since the last one was; whether they have."""
        now = self._random()
        if now is self._source:
            return False
        self._source, self.seed = now, int(now.integers(2**63))
        return True

    def at(self, *place: int) -> np.random.Generator:
        """The generator of a place, such as an epoch or a position."""
        return np.random.default_rng([self.seed, *place])
