"""PyTorch: forward and backward, the fastest of eager and inductor, each in both memory layouts."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from benchmarks.case import Case
from benchmarks.foremost import foremost
from benchmarks.peers import Engine
from benchmarks.peers.torch_engine import LAYOUTS, Model, version

__all__ = ["load", "version"]

MODES = ("eager", "inductor")


def load(case: Case, variant: str) -> Engine:
    """The variant asked for (`eager channels_last`), or the fastest if none is."""
    torch.set_num_threads(case.threads)
    if variant:
        return _engine(case, variant)
    engines = [_engine(case, f"{mode} {layout}") for mode in MODES for layout in LAYOUTS]
    return min(engines, key=lambda engine: seconds_of(engine, case.data()))


def _engine(case: Case, variant: str) -> Engine:
    mode, layout = variant.split()
    memory = LAYOUTS[layout]
    model = model_of(case).to(memory_format=memory)
    labels = torch.from_numpy(case.labels())
    torch._dynamo.reset()
    scores = torch.compile(model) if mode == "inductor" else model
    first = next(model.parameters())

    def run(data: np.ndarray) -> np.ndarray:
        model.zero_grad(set_to_none=True)
        x = torch.from_numpy(data).to(memory_format=memory)
        nn.functional.cross_entropy(scores(x), labels).backward()
        assert first.grad is not None
        return first.grad.numpy()

    return Engine(run, variant)


def model_of(case: Case) -> nn.Module:
    """The described net up to its softmax, which is part of the loss; all parameters learn."""
    model = Model(case).train()
    model.steps[-1] = nn.Identity()
    return model.requires_grad_(True)


def seconds_of(engine: Engine, data: np.ndarray) -> float:
    """The better of two runs after a warm-up."""
    times = []
    with foremost():
        for _ in range(3):
            start = time.perf_counter()
            engine.run(data)
            times.append(time.perf_counter() - start)
    return min(times[1:])
