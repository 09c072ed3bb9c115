"""The passes in order: what happens to every net, readable as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tcaffe.ir.graph import Graph
from tcaffe.ir.program import Program
from tcaffe.ir.target import Target
from tcaffe.ir.verify import verify_graph, verify_program
from tcaffe.passes.algorithm import choose_algorithms
from tcaffe.passes.alias import alias
from tcaffe.passes.flip_transposed import flip_transposed
from tcaffe.passes.fold_affine import fold_affine
from tcaffe.passes.fuse import fuse
from tcaffe.passes.fuse_pools import fuse_pools
from tcaffe.passes.fuse_taps import fuse_taps
from tcaffe.passes.layout import layout
from tcaffe.passes.memory import plan_memory
from tcaffe.passes.merge_siblings import merge_siblings
from tcaffe.passes.order import order
from tcaffe.passes.permute_weights import permute_weights
from tcaffe.passes.recompute import recompute
from tcaffe.passes.simplify import simplify
from tcaffe.passes.static import Parameters
from tcaffe.passes.tidy_gradients import tidy_gradients
from tcaffe.passes.tiles import choose_tiles
from tcaffe.passes.vectors_first import vectors_first

GraphPass = Callable[[Graph], Graph]
ProgramPass = Callable[[Program], Program]
Observer = Callable[[str, Graph | Program], None]


@dataclass(frozen=True)
class Pipeline:
    """The passes over the graph, in order, and what may become of the parameters after compilation."""

    passes: tuple[GraphPass, ...]
    parameters: Parameters


OPTIMISE = Pipeline(
    (simplify, fold_affine, flip_transposed, merge_siblings, simplify, permute_weights, layout), "fixed"
)
"""Deployment: what is linear folds into the parameters."""
FAITHFUL = Pipeline((simplify, permute_weights, layout), "settable")
"""Every blob stays, and parameters may change between runs."""

UPDATE = Pipeline((simplify, layout), "live")
"""Work on parameters alone, which every run changes."""

SEGMENTS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
"""Into how many segments a forward pass is cut, all but the last of which run again. More take less memory, up to a
point; from two on, the work they take is about the same."""


def training(first: Iterable[str], segments: int = 1) -> Pipeline:
    """Every run ends with other parameters. The outputs called `first` are the forward pass; see `recompute`."""
    passes = (simplify, tidy_gradients, simplify, recompute(first, segments), vectors_first, layout)
    return Pipeline(passes, "live")


def lower(
    graph: Graph, pipeline: Pipeline, *, target: Target, naive: int = 0, observe: Observer | None = None
) -> Program:
    """`graph` through a pipeline to a program for `target`: kernels in order, each with its plan, every byte placed.

    The verifier runs after every pass. `naive` bytes is what the plan is compared with. `observe` is shown the result
    of each pass by name.
    """
    show = observe or (lambda name, result: None)
    show("lower", verify_graph(graph))
    for rewrite in pipeline.passes:
        graph = verify_graph(rewrite(graph))
        show(rewrite.__name__, graph)
    program = verify_program(fuse(graph, pipeline.parameters))
    show("fuse", program)
    for name, step in program_passes(target, pipeline.parameters, naive).items():
        program = verify_program(step(program))
        show(name, program)
    return program


def program_passes(target: Target, parameters: Parameters, naive: int = 0) -> dict[str, ProgramPass]:
    """The passes over the program, in order. A pool joins a convolution on a CPU, where one task has all rows of it."""
    plan = partial(plan_memory, naive=naive)
    if target.gpu:
        tiles = partial(choose_tiles, target=target, parameters=parameters)
        return {"fuse_taps": fuse_taps, "order": order, "choose_tiles": tiles, "alias": alias, "plan_memory": plan}
    algorithms = partial(choose_algorithms, workers=target.workers, parameters=parameters)
    return {
        "fuse_taps": fuse_taps,
        "fuse_pools": fuse_pools,
        "order": order,
        "choose_algorithms": algorithms,
        "alias": alias,
        "plan_memory": plan,
    }
