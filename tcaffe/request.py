"""What is asked of a net, and the program that does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tcaffe.diagnostics import CompileError, Diagnostic, suggest
from tcaffe.frontend.lower import Lowered
from tcaffe.gradients import training_graph
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.program import Program
from tcaffe.ir.target import Target
from tcaffe.passes.pipeline import OPTIMISE, SEGMENTS, Observer, Pipeline, lower, training


@dataclass(frozen=True)
class Request:
    """What is asked of a net: `outputs`, blobs to keep (the net's outputs if None), and `gradients`.

    Those are wanted for the parameters and blobs named, for all parameters that learn if True, or not at all. Arena
    and parameters together may take `memory_budget` bytes, or what they need if None.
    """

    outputs: Sequence[str] | None = None
    gradients: bool | Sequence[str] = False
    memory_budget: int | None = None

    def program(self, lowered: Lowered, *, target: Target, observe: Observer | None = None) -> tuple[Program, Pipeline]:
        """The planned program, and the pipeline it went through: the first with which it stays within the budget.

        Raises CompileError for names there are not, and if every pipeline needs more.
        """
        graph, pipelines = self.work(lowered)
        naive = self.naive(lowered, graph)
        return within(self.memory_budget, graph, pipelines, target=target, naive=naive, observe=observe)

    def work(self, lowered: Lowered) -> tuple[Graph, tuple[Pipeline, ...]]:
        """What is to be computed, and the passes that suit it: those first that make the fastest program."""
        chosen = choose_outputs(lowered, self.outputs)
        if self.gradients is False:
            return lowered.graph.with_outputs(chosen), (OPTIMISE,)
        net = training_graph(lowered, chosen, None if self.gradients is True else self.gradients)
        return net.graph, tuple(training(net.forward, segments) for segments in SEGMENTS)

    def naive(self, lowered: Lowered, graph: Graph) -> int:
        """Bytes of a buffer for each blob that is needed; with gradients, of one more for each, and for parameters'."""
        if self.gradients is False:
            return lowered.blob_bytes(lowered.outputs if self.outputs is None else self.outputs)
        blobs = lowered.blob_bytes(lowered.blobs)
        learned = {f"d.{parameter.name}" for parameter in graph.params}
        return 2 * blobs + sum(y.type.nbytes for name, y in graph.outputs.items() if name in learned)


INFERENCE = Request()
"""The net's outputs."""


def within(
    budget: int | None,
    graph: Graph,
    pipelines: Iterable[Pipeline],
    *,
    target: Target,
    naive: int = 0,
    observe: Observer | None = None,
) -> tuple[Program, Pipeline]:
    """`graph` through the first of the pipelines whose program takes no more than `budget` bytes, and that pipeline.

    Raises CompileError if every one takes more.
    """
    least: int | None = None
    for pipeline in pipelines:
        program = lower(graph, pipeline, target=target, naive=naive, observe=observe)
        if budget is None or program.nbytes <= budget:
            return program, pipeline
        least = program.nbytes if least is None else min(least, program.nbytes)
    message = f"the net needs at least {least:,} bytes, and the memory budget is {budget:,}"
    raise CompileError([Diagnostic("E0615", message, note="arena and parameters together; a smaller batch needs less")])


def choose_outputs(lowered: Lowered, names: Sequence[str] | None) -> dict[str, Node]:
    """The blobs called `names`, or the net's own outputs; raises CompileError for every name that is no blob."""
    chosen = list(lowered.outputs if names is None else names)
    unknown = [name for name in chosen if name not in lowered.blobs]
    if unknown:
        raise CompileError([_no_blob(name, lowered) for name in unknown])
    return {name: lowered.blobs[name] for name in chosen}


def _no_blob(name: str, lowered: Lowered) -> Diagnostic:
    return Diagnostic("E0601", f"the net has no blob `{name}`", suggestion=suggest(name, lowered.blobs))
