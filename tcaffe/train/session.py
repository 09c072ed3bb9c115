"""A session: settings, data, engine and test nets put together, ready to train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcaffe.data.feeds import feeds_of
from tcaffe.train.engine import StepEngine
from tcaffe.train.evaluation import Evaluation
from tcaffe.train.settings import Settings, weight_files
from tcaffe.train.solver import Solver


def start(
    settings: Settings,
    *,
    weights: Sequence[Path] | None = None,
    memory_budget: int | None = None,
    workers: int | None = None,
) -> tuple[Solver, StepEngine]:
    """The solver of these settings and its engine: the net compiled, its parameters as fillers or weights have them.

    `weights` go before those that the solver's file names. Without a `random_seed` every start is another one. Raises
    CompileError for nets that cannot be trained and for files that do not fit.
    """
    m = settings.message
    files = list(weight_files(m, settings.folder) if weights is None else weights)
    seed = m.random_seed if m.random_seed >= 0 else int(np.random.default_rng().integers(2**31))
    random = np.random.default_rng(seed)
    feeds = list(feeds_of(settings.train.message, lambda: random))
    engine = StepEngine(settings.train, feeds, m, files, seed=seed, memory_budget=memory_budget, workers=workers)
    tests = [
        Evaluation(net, list(feeds_of(net.message, lambda: random)), engine, files, seed=seed + 1 + k)
        for k, net in enumerate(settings.tests)
    ]
    return Solver(settings, engine, tests), engine
