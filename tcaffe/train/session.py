"""A session: settings, data, engine and test nets put together, ready to train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcaffe.data.feed import WHOLE, Feed, Shard
from tcaffe.data.feeds import feeds_of
from tcaffe.frontend.load import NetInState
from tcaffe.ir.target import Target
from tcaffe.train.engine import StepEngine
from tcaffe.train.evaluation import Evaluation
from tcaffe.train.group import ALONE, Group
from tcaffe.train.parallel import ParallelEngine
from tcaffe.train.settings import Settings, weight_files
from tcaffe.train.solver import Solver


def start(
    settings: Settings,
    *,
    weights: Sequence[Path] | None = None,
    memory_budget: int | None = None,
    target: Target | None = None,
    group: Group = ALONE,
) -> tuple[Solver, StepEngine]:
    """The solver of these settings and its engine: the net compiled, its parameters as fillers or weights have them.

    `weights` go before those that the solver's file names. Without a `random_seed` every start is another one. Raises
    CompileError for nets that cannot be trained and for files that do not fit.
    """
    m = settings.message
    files = list(weight_files(m, settings.folder) if weights is None else weights)
    seed = _seed(m, group)
    random = np.random.default_rng(seed)

    def feeds(net: NetInState, shard: Shard) -> list[Feed]:
        return list(feeds_of(net.message, net.phase, lambda: random, shard))

    kind = StepEngine if group.size == 1 else ParallelEngine
    own = feeds(settings.train, Shard(group.rank, group.size))
    engine = kind(settings.train, own, m, files, seed=seed, memory_budget=memory_budget, target=target, group=group)
    tests = [
        Evaluation(net, feeds(net, WHOLE), files, trained=engine, seed=seed + 1 + k)
        for k, net in enumerate(settings.tests if group.rank == 0 else ())
    ]
    return Solver(settings, engine, tests, group=group), engine


def _seed(settings: Any, group: Group) -> int:
    """The seed that the settings give, else another each time, the same for all of the group."""
    place = np.array([settings.random_seed if settings.random_seed >= 0 else np.random.default_rng().integers(2**31)])
    group.share(place)
    return int(place[0])
