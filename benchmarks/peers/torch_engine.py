"""PyTorch: the fastest of eager, TorchScript and inductor, each in both memory layouts."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks.case import Case
from benchmarks.describe import Layer
from benchmarks.foremost import foremost
from benchmarks.peers import Engine

Function = Callable[[torch.Tensor], torch.Tensor]
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def version() -> str:
    """The installed release."""
    return str(torch.__version__)


def load(case: Case, variant: str) -> Engine:
    """The variant asked for (`script channels_last`), or the fastest if none is."""
    torch.set_num_threads(case.threads)
    if variant:
        return _engine(case, variant)
    engines = [_engine(case, f"{mode} {layout}") for mode in MODES for layout in LAYOUTS]
    return min(engines, key=lambda engine: _seconds(engine, case.data()))


def _engine(case: Case, variant: str) -> Engine:
    mode, layout = variant.split()
    memory = LAYOUTS[layout]
    model = Model(case).eval().to(memory_format=memory)
    data = torch.from_numpy(case.data()).to(memory_format=memory)
    with torch.no_grad():
        function = MODES[mode](model, data)

    def run(data: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return function(torch.from_numpy(data).to(memory_format=memory)).numpy()

    return Engine(run, variant)


def _seconds(engine: Engine, data: np.ndarray) -> float:
    """The best of three runs after a warm-up."""
    times = []
    with foremost():
        for _ in range(4):
            start = time.perf_counter()
            engine.run(data)
            times.append(time.perf_counter() - start)
    return min(times[1:])


def _eager(model: nn.Module, data: torch.Tensor) -> Function:
    return model


def _script(model: nn.Module, data: torch.Tensor) -> Function:
    """Traced and frozen: normalisation folded, weights in oneDNN's order."""
    return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, data)))


def _inductor(model: nn.Module, data: torch.Tensor) -> Function:
    """Compiled with weights as constants, which lets inductor fold and repack them."""
    torch._inductor.config.freezing = True
    torch._dynamo.reset()
    compiled = torch.compile(model)
    compiled(data)
    return compiled


MODES: dict[str, Callable[[nn.Module, torch.Tensor], Function]] = {
    "eager": _eager,
    "script": _script,
    "inductor": _inductor,
}


class Model(nn.Module):
    """The described net, its weights the mapped file's."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.layers = case.describe().layers
        weights = case.weights()
        self.steps = nn.ModuleList(module(layer, weights.get(layer.name, [])) for layer in self.layers)

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        """Probabilities [batch, 1000] of images [batch, 3, height, width]."""
        value = {"data": data}
        for layer, step in zip(self.layers, self.steps, strict=True):
            value[layer.top] = step(*(value[bottom] for bottom in layer.bottoms))
        return value["prob"].flatten(1)


class Sum(nn.Module):
    """x + y."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Their sum."""
        return x + y


class Concat(nn.Module):
    """Channels one after the other."""

    def forward(self, *parts: torch.Tensor) -> torch.Tensor:
        """All parts as one."""
        return torch.cat(parts, 1)


def module(layer: Layer, arrays: list[np.ndarray]) -> nn.Module:
    """The module for a layer, as one would write it by hand."""
    o = layer.options
    weights = [torch.from_numpy(array) for array in arrays]
    match layer.kind:
        case "conv":
            filters, channels, kernel, _ = layer.weights[0]
            geometry = {"stride": o["stride"], "padding": o["pad"], "groups": o["group"], "bias": len(weights) == 2}
            return _with(nn.Conv2d(channels * o["group"], filters, kernel, **geometry), weights)
        case "dense":
            outputs, inputs = layer.weights[0]
            return nn.Sequential(nn.Flatten(), _with(nn.Linear(inputs, outputs), weights))
        case "batch_norm":
            mean, variance, scale, shift = weights
            norm = _with(nn.BatchNorm2d(len(mean)), [scale, shift])
            norm.running_mean, norm.running_var = mean, variance
            return norm
        case "max":
            return nn.MaxPool2d(o["kernel"], o["stride"], o["pad"], ceil_mode=True)
        case "average":
            return nn.AvgPool2d(o["kernel"], o["stride"], o["pad"], ceil_mode=True)
        case "lrn":
            return nn.LocalResponseNorm(o["size"], o["alpha"], o["beta"], 1.0)
        case "relu":
            return nn.ReLU(inplace=True)
        case "mean":
            return nn.AdaptiveAvgPool2d(1)
        case "softmax":
            return nn.Softmax(1)
        case "sum":
            return Sum()
        case "concat":
            return Concat()
    raise ValueError(f"no module for {layer.kind}")


def _with(module: nn.Module, weights: list[torch.Tensor]) -> nn.Module:
    """`module` with these weights in place of its own, not copied."""
    for (name, _), weight in zip(list(module.named_parameters()), weights, strict=True):
        setattr(module, name, nn.Parameter(weight, requires_grad=False))
    return module
