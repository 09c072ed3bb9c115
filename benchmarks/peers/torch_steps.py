"""PyTorch: whole steps, the fastest of eager and inductor, each in both memory layouts."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.case import Case
from benchmarks.peers import Engine
from benchmarks.peers.tcaffe_steps import MOMENTUM, RATE, WEIGHT_DECAY
from benchmarks.peers.torch_engine import LAYOUTS, version
from benchmarks.peers.torch_training import MODES, model_of, seconds_of

__all__ = ["load", "version"]


def load(case: Case, variant: str) -> Engine:
    """The variant asked for (`eager channels_last`), or the fastest if none is; gives the first filters' change."""
    torch.set_num_threads(case.threads)
    if variant:
        return _engine(case, variant)
    engines = [_engine(case, f"{mode} {layout}") for mode in MODES for layout in LAYOUTS]
    fastest = min(engines, key=lambda engine: seconds_of(engine, case.data()))
    return _engine(case, fastest.variant)  # that has taken no step yet


def _engine(case: Case, variant: str) -> Engine:
    mode, layout = variant.split()
    memory = LAYOUTS[layout]
    model = model_of(case).to(memory_format=memory)
    labels = torch.from_numpy(case.labels())
    torch._dynamo.reset()
    scores = torch.compile(model) if mode == "inductor" else model
    update = torch.optim.SGD(model.parameters(), RATE, MOMENTUM, weight_decay=WEIGHT_DECAY, foreach=True)
    filters = next(model.parameters())

    def run(data: np.ndarray) -> np.ndarray:
        before = filters.detach().clone()
        update.zero_grad(set_to_none=True)
        x = torch.from_numpy(data).to(memory_format=memory)
        nn.functional.cross_entropy(scores(x), labels).backward()
        update.step()
        return ((filters.detach() - before) / RATE).numpy()

    return Engine(run, variant)
