"""From what the user asks for to a planned program or an executable, with the time of every step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tcaffe import compiler
from tcaffe.cli import screen
from tcaffe.cli.cost import nbytes
from tcaffe.cli.options import NetQuery
from tcaffe.cli.origins import Origins
from tcaffe.diagnostics import Diagnostic
from tcaffe.frontend.lower import Lowered
from tcaffe.frontend.parameters import load_values, owned, start_value
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.node import Node
from tcaffe.ir.program import MemoryPlan, Program
from tcaffe.passes.pipeline import OPTIMISE, Observer, lower
from tcaffe.runtime.executable import Executable

Values = dict[str, np.ndarray]


@dataclass
class Clock:
    """Seconds by step, in order."""

    laps: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def lap(self, step: str) -> None:
        """`step` is done; what follows belongs to the next one."""
        now = time.perf_counter()
        self.laps[step] = self.laps.get(step, 0.0) + now - self._since
        self._since = now


@dataclass(frozen=True)
class Planned:
    """A net and the program it became."""

    lowered: Lowered
    program: Program

    @property
    def plan(self) -> MemoryPlan:
        """Where every byte lies."""
        assert self.program.plan is not None
        return self.program.plan

    @property
    def origins(self) -> Origins:
        """Which layers each kernel computes."""
        return Origins(self.lowered, self.program)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the parameters in the form in which the kernels read them."""
        return nbytes(node.type for node in self.program.params)


@dataclass(frozen=True)
class Built(Planned):
    """A compiled net, how long each step took, and what there is to say about its weights."""

    executable: Executable
    clock: Clock
    warnings: tuple[Diagnostic, ...]


def build(
    query: NetQuery,
    weights: Sequence[str],
    *,
    lowered: Lowered | None = None,
    outputs: Sequence[str] | None = None,
    target: str = "cpu",
    workers: int | None = None,
) -> Built:
    """Read, load and compile a net, or `lowered` if it has been read; raises CompileError."""
    compiler.check_target(target, "f32")
    clock = Clock()
    with screen.progress("reading") as meter:
        lowered = lowered or query.lower()
        clock.lap("read")
        meter.say("loading weights")
        values, warnings = load_weights(lowered, weights)
        clock.lap("weights")
        meter.say("compiling")

        def observe(name: str, stage: Graph | Program) -> None:
            meter.say(f"compiling: {name}")
            clock.lap("passes")

        executable = compiled(lowered, values, outputs, workers, observe)
        clock.lap("code")
    assert executable.program is not None
    return Built(lowered, with_naive(executable.program, lowered), executable, clock, (*lowered.warnings, *warnings))


def compiled(
    lowered: Lowered,
    values: Values,
    outputs: Sequence[str] | None = None,
    workers: int | None = None,
    observe: Observer | None = None,
) -> Executable:
    """The executable of a net for these parameters."""
    graph = asked_graph(lowered, outputs)
    workers = workers or compiler.default_workers()
    return compiler.build(graph, values, OPTIMISE, workers=workers, inputs=lowered.inputs, observe=observe)


def planned(lowered: Lowered, outputs: Sequence[str] | None = None, workers: int | None = None) -> Planned:
    """The program of a net with every byte placed: no weights are read and no code is made."""
    program = lower(asked_graph(lowered, outputs), OPTIMISE, workers=workers or compiler.default_workers())
    return Planned(lowered, with_naive(program, lowered))


def load_weights(lowered: Lowered, paths: Sequence[str]) -> tuple[Values, tuple[Diagnostic, ...]]:
    """Every parameter by name, from the files or else from its filler, and warnings about what the files lack."""
    loaded: Values = {}
    warnings: list[Diagnostic] = []
    for path in paths:  # later files win
        values, said = load_values(lowered, path)
        loaded |= values
        warnings += said
    random = np.random.default_rng(0)
    values = {n: loaded[n] if n in loaded else start_value(p, random) for n, p in owned(lowered).items()}
    return values, tuple(warnings)


def asked_graph(lowered: Lowered, outputs: Sequence[str] | None) -> Graph:
    """The graph of a net seen from the blobs that are asked for."""
    return lowered.graph.with_outputs(compiler.choose_outputs(lowered, outputs))


def with_naive(program: Program, lowered: Lowered) -> Program:
    """`program` with what its plan is compared to: the blobs of the net as Caffe holds them."""
    assert program.plan is not None
    return replace(program, plan=replace(program.plan, naive=blob_bytes(lowered, program)))


def blob_bytes(lowered: Lowered, program: Program) -> int:
    """Bytes of a buffer for each blob that the program's outputs need.

    As in Caffe, a layer in place has none, and the tops of Reshape, Flatten and Split are their bottom's.
    """
    needed = set(topological(lowered.blobs[name] for name in program.outputs))
    found: dict[Node, None] = {}
    for layer in lowered.layers:
        for top, value in zip(layer.tops, layer.values, strict=True):
            if value in needed and top not in layer.bottoms and value.op not in (ops.reshape, ops.param):
                found[value] = None
    return nbytes(value.type for value in found)
