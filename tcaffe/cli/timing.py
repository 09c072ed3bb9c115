"""The time of layers: that of the kernels they became, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from tcaffe.cli.building import Built
from tcaffe.cli.cost import flops
from tcaffe.cli.origins import GRADIENT
from tcaffe.ir.program import Kernel


@dataclass(frozen=True)
class KernelTime:
    """A kernel: the names of its layers, whether it is of the backward pass, its median seconds and its arithmetic."""

    name: str
    layers: tuple[str, ...]
    backward: bool
    seconds: float
    flops: int


@dataclass
class LayerTime:
    """A layer: the seconds of the kernels it leads, their arithmetic, and the layer whose kernels it is part of."""

    name: str
    type: str
    forward: float = 0.0
    backward: float = 0.0
    flops: int = 0
    within: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Forward and backward."""
        return self.forward + self.backward


def kernel_times(built: Built, runs: Sequence[Sequence[float]]) -> list[KernelTime]:
    """The kernels in the order in which they run, from the seconds each took in each run."""
    blobs = {value.name for layer in built.lowered.layers for value in layer.values}
    medians = np.median(np.asarray(runs), axis=0).tolist()
    return [
        KernelTime(k.name, tuple(layer.name for layer in layers), is_backward(k, blobs), seconds, flops(k.nodes))
        for k, layers, seconds in zip(built.program.kernels, built.origins.by_kernel, medians, strict=True)
    ]


def is_backward(kernel: Kernel, blobs: Set[str]) -> bool:
    """Whether it stores gradients, and no blob: a pool that notes where its maxima were is forward all the same."""
    stored = {node.name for node in kernel.outputs}
    return stored.isdisjoint(blobs) and any(name.startswith(GRADIENT) for name in stored)


def layer_times(built: Built, kernels: Sequence[KernelTime]) -> list[LayerTime]:
    """A line a layer, in the order of the prototxt. The first of a kernel's layers leads it, and counts its time."""
    found = {layer.name: LayerTime(layer.name, layer.type) for layer in built.lowered.layers}
    for kernel in kernels:
        if kernel.layers:
            leader = found[kernel.layers[0]]
            leader.flops += kernel.flops
            if kernel.backward:
                leader.backward += kernel.seconds
            else:
                leader.forward += kernel.seconds
            for other in kernel.layers[1:]:
                if leader.name not in found[other].within:
                    found[other].within.append(leader.name)
    return list(found.values())
