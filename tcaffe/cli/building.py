"""From what the user asks for to a planned program or an executable, with the time of every step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tcaffe import compiler
from tcaffe.cli import screen
from tcaffe.cli.cost import nbytes
from tcaffe.cli.options import NetQuery
from tcaffe.cli.origins import Origins
from tcaffe.diagnostics import Diagnostic
from tcaffe.frontend.lower import Lowered
from tcaffe.frontend.parameters import load_values, owned, start_value
from tcaffe.ir.graph import Graph
from tcaffe.ir.program import MemoryPlan, Program
from tcaffe.ir.target import Target
from tcaffe.request import INFERENCE, Request
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
    request: Request = INFERENCE,
    target: Target | None = None,
) -> Built:
    """Read, load and compile a net, or `lowered` if it has been read; raises CompileError."""
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

        executable = compiler.deploy(lowered, values, request, target=target or compiler.processors(), observe=observe)
        clock.lap("code")
    assert executable.program is not None
    return Built(lowered, executable.program, executable, clock, (*lowered.warnings, *warnings))


def planned(lowered: Lowered, request: Request = INFERENCE, target: Target | None = None) -> Planned:
    """The program of a net with every byte placed: no weights are read and no code is made."""
    program, _ = request.program(lowered, target=target or compiler.processors())
    return Planned(lowered, program)


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
