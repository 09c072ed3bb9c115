"""Where the time goes: a net run on random numbers, kernel by kernel, and what each layer's kernels take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcaffe.cli import screen
from tcaffe.cli.building import Planned
from tcaffe.cli.cost import flops
from tcaffe.cli.options import NetQuery, Shape
from tcaffe.cli.sampling import random_inputs, random_parameters
from tcaffe.compiler import deploy
from tcaffe.data.feeds import feeds_of
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.lower import Lowered, LoweredLayer
from tcaffe.gradients import losses, training_graph
from tcaffe.ir.program import Kernel, Program
from tcaffe.ir.target import Target
from tcaffe.request import Request
from tcaffe.runtime.executable import Executable

PASSES = ("forward", "backward")


@dataclass(frozen=True)
class KernelTime:
    """A kernel, its pass, the layer that most of it computes (None: no layer), all its layers, and median seconds."""

    kernel: Kernel
    backward: bool
    leader: LoweredLayer | None
    layers: tuple[LoweredLayer, ...]
    seconds: float

    @property
    def flops(self) -> int:
        """Arithmetic operations."""
        return flops(self.kernel.nodes)


@dataclass(frozen=True)
class LayerTime:
    """What the kernels that a layer leads take: median seconds of each pass, operations of both.

    `others` are the layers those kernels compute besides, `inside` those whose kernels compute this one too.
    """

    layer: LoweredLayer | None
    forward: float
    backward: float
    flops: int
    others: tuple[LoweredLayer, ...]
    inside: tuple[LoweredLayer, ...]

    @property
    def seconds(self) -> float:
        """Seconds of both passes."""
        return self.forward + self.backward


@dataclass(frozen=True)
class Timing:
    """Runs of a compiled net: `samples` f64[runs, kernels] are seconds."""

    net: Planned
    training: bool
    samples: np.ndarray

    @cached_property
    def kernels(self) -> tuple[KernelTime, ...]:
        """Every kernel, in the order of the program."""
        origins, middle = self.net.origins, np.median(self.samples, 0).tolist()
        facts = zip(self.net.program.kernels, self._backward, origins.leaders, origins.by_kernel, middle, strict=True)
        return tuple(KernelTime(*each) for each in facts)

    @cached_property
    def layers(self) -> tuple[LayerTime, ...]:
        """Every layer, in the order of the prototxt; at the end one of None, if some kernel is of no layer."""
        layers: list[LoweredLayer | None] = [*self.net.lowered.layers]
        if any(each.leader is None for each in self.kernels):
            layers.append(None)
        return tuple(map(self._layer, layers))

    @property
    def total(self) -> float:
        """Median seconds of a run."""
        return self._median(range(len(self.kernels)))

    @property
    def passes(self) -> Mapping[str, float]:
        """Median seconds of the forward and, in training, the backward pass."""
        found = [[k for k, back in enumerate(self._backward) if back is wanted] for wanted in (False, True)]
        return {name: self._median(ks) for name, ks in zip(PASSES[: 1 + self.training], found, strict=False)}

    def _layer(self, layer: LoweredLayer | None) -> LayerTime:
        led = [k for k, each in enumerate(self.kernels) if each.leader is layer]
        forward, backward = ([k for k in led if self._backward[k] is back] for back in (False, True))
        hosts = [each.leader for each in self.kernels if layer in each.layers and each.leader is not layer]
        others = _once(other for k in led for other in self.kernels[k].layers if other is not layer)
        work = sum(self.kernels[k].flops for k in led)
        return LayerTime(layer, self._median(forward), self._median(backward), work, others, _once(hosts))

    def _median(self, kernels: Sequence[int]) -> float:
        """Median over the runs of what these kernels take together."""
        return float(np.median(self.samples[:, list(kernels)].sum(1)))

    @cached_property
    def _backward(self) -> tuple[bool, ...]:
        """Whether each kernel is part of the backward pass: it computes nothing that outputs of the net need."""
        lowered, program = self.net.lowered, self.net.program
        if not self.training:
            return (False,) * len(program.kernels)
        outputs = {name: lowered.blobs[name] for name in lowered.outputs}
        needed = _needed(program, training_graph(lowered, outputs).forward)
        return tuple(kernel not in needed for kernel in program.kernels)


def time_net(query: NetQuery, iterations: int, *, seed: int = 0, target: Target) -> Timing:
    """Compile a net and run it on random numbers; with its gradients in phase TRAIN, if it has a loss.

    A first run warms up. Raises CompileError.
    """
    lowered = query.lower(fed_shapes(query))
    training = query.phase == "TRAIN" and any(True for _ in losses(lowered))
    with screen.progress("compiling"):
        executable = deploy(lowered, random_parameters(lowered, seed), Request(gradients=training), target=target)
    assert executable.program is not None
    samples = sampled(executable, _inputs(lowered, seed), iterations)
    return Timing(Planned(lowered, executable.program), training, samples)


def sampled(executable: Executable, inputs: Mapping[str, np.ndarray], iterations: int) -> np.ndarray:
    """The seconds of each kernel in each run: f64[iterations, kernels]."""
    context, samples = executable.context(), []
    with screen.progress("running", iterations) as meter:
        for run in range(-1, iterations):
            for name, place in context.inputs.items():
                np.copyto(place, inputs[name])
            seconds = context.timed()
            if run >= 0:
                samples.append(seconds)
                meter.advance()
    return np.array(samples, np.float64).reshape(iterations, -1)


def fed_shapes(query: NetQuery) -> dict[str, Shape]:
    """The shapes of what data layers bring, as far as the user gave none and the data can be read."""
    random = np.random.default_rng(0)
    try:
        feeds = list(feeds_of(query.state.message, query.phase, lambda: random))
    except CompileError:
        return {}
    found: dict[str, Shape] = {}
    for feed in feeds:
        with closing(feed):
            found |= {top: _batch(tuple(shape), query.batch) for top, shape in feed.shapes.items()}
    return {top: shape for top, shape in found.items() if top not in query.shapes}


def _inputs(lowered: Lowered, seed: int) -> dict[str, np.ndarray]:
    """Random numbers for the inputs, and the key of what the net draws itself."""
    key = {lowered.random.name: np.array([seed, 0])} if lowered.random is not None else {}
    return {**random_inputs(lowered, seed), **key}


def _needed(program: Program, names: frozenset[str]) -> set[Kernel]:
    """The kernels that the outputs called `names` need."""
    makers = {value: kernel for kernel in program.kernels for value in kernel.outputs}
    pending, seen, needed = [program.outputs[name] for name in names], set(), set()
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        if value in makers:
            needed.add(makers[value])
            pending += makers[value].inputs
        else:
            pending += value.inputs  # a view
    return needed


def _batch(shape: Shape, batch: int | None) -> Shape:
    return shape if batch is None or not shape else (batch, *shape[1:])


def _once(layers: Iterator[LoweredLayer] | Sequence[LoweredLayer | None]) -> tuple[LoweredLayer, ...]:
    return tuple({id(layer): layer for layer in layers if layer is not None}.values())
