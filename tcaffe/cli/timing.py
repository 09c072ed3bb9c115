"""How long kernels take, and what that says of the layers: forward and backward, operations a second."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tcaffe.cli import screen
from tcaffe.cli.building import Planned
from tcaffe.cli.cost import flops
from tcaffe.frontend.lower import LoweredLayer
from tcaffe.ir.graph import topological
from tcaffe.ir.program import Kernel, Program
from tcaffe.runtime.context import Context


@dataclass(frozen=True)
class KernelTime:
    """A kernel, the layers it computes, whether it belongs to the backward pass, and its median time."""

    kernel: Kernel
    layers: tuple[LoweredLayer, ...]
    backward: bool
    seconds: float

    @cached_property
    def flops(self) -> int:
        """Arithmetic operations, counted as those of the direct form."""
        return flops(self.kernel.nodes)


@dataclass(frozen=True)
class LayerTime:
    """A layer: the kernels it leads, which count as its own, and the layers that lead others it is in."""

    layer: LoweredLayer
    kernels: tuple[KernelTime, ...]
    hosts: tuple[str, ...]

    @property
    def forward(self) -> float:
        """Seconds of the forward pass."""
        return sum(k.seconds for k in self.kernels if not k.backward)

    @property
    def backward(self) -> float:
        """Seconds of the backward pass."""
        return sum(k.seconds for k in self.kernels if k.backward)

    @property
    def seconds(self) -> float:
        """Seconds of both passes."""
        return self.forward + self.backward

    @property
    def flops(self) -> int:
        """Arithmetic operations of the kernels it leads."""
        return sum(k.flops for k in self.kernels)

    @property
    def guests(self) -> tuple[str, ...]:
        """The other layers that its kernels compute as well."""
        return _once(other.name for k in self.kernels for other in k.layers if other is not self.layer)


@dataclass(frozen=True)
class Times:
    """Medians over some iterations: of each kernel in the order they run, and of all together."""

    kernels: tuple[KernelTime, ...]
    seconds: float
    spread: tuple[float, float]

    @property
    def forward(self) -> float:
        """Seconds of the kernels of the forward pass."""
        return sum(k.seconds for k in self.kernels if not k.backward)

    @property
    def backward(self) -> float:
        """Seconds of the kernels of the backward pass."""
        return sum(k.seconds for k in self.kernels if k.backward)

    def by_layer(self, layers: Iterable[LoweredLayer]) -> list[LayerTime]:
        """Each of the `layers`. A kernel that serves several counts as the first one's."""
        return [self._layer(layer) for layer in layers]

    def _layer(self, layer: LoweredLayer) -> LayerTime:
        serving = [k for k in self.kernels if any(layer is each for each in k.layers)]
        led = tuple(k for k in serving if k.layers[0] is layer)
        return LayerTime(layer, led, _once(k.layers[0].name for k in serving if k.layers[0] is not layer))


def measure(net: Planned, context: Context, forward: Iterable[str], iterations: int) -> Times:
    """The times of a net's kernels over `iterations` runs, after one to warm up; `forward` are outputs by name."""
    runs = []
    with screen.progress("timing", iterations) as meter:
        context.run()
        for _ in range(iterations):
            runs.append(context.timed())
            meter.advance()
    first = forward_kernels(net.program, forward)
    laps = map(statistics.median, zip(*runs, strict=True))
    kernels = zip(net.program.kernels, net.origins.by_kernel, laps, strict=True)
    totals = [sum(run) for run in runs]
    return Times(
        tuple(KernelTime(kernel, layers, kernel not in first, seconds) for kernel, layers, seconds in kernels),
        statistics.median(totals), (min(totals), max(totals)),
    )  # fmt: skip


def forward_kernels(program: Program, outputs: Iterable[str]) -> set[Kernel]:
    """The kernels that the `outputs` need; a part of the forward pass that runs again for a gradient is none of them.

    Invariant: kernels stand after those they read from.
    """
    needed = set(topological(program.outputs[name] for name in outputs))
    found = set()
    for kernel in reversed(program.kernels):
        if not needed.isdisjoint(kernel.outputs):
            found.add(kernel)
            needed.update(topological(set(kernel.packed) - needed))
    return found


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
