"""Runs emitted numpy code and compares it with the reference interpreter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcaffe.codegen.numpy import emit
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.program import Program
from tcaffe.ir.target import cpu
from tcaffe.link import link
from tcaffe.passes.pipeline import OPTIMISE, Pipeline, lower
from tcaffe.runtime.kernels import NumpyKernels
from tcaffe.runtime.params import Parameters
from tcaffe.runtime.pool import WorkerPool
from tests.graphs import feeds

POOLS = {workers: WorkerPool(workers) for workers in (1, 2, 3)}


def program_of(graph: Graph, workers: int = 1, pipeline: Pipeline = OPTIMISE) -> Program:
    """The planned program of a graph."""
    return lower(graph, pipeline, target=cpu(workers))


def run(program: Program, feed: Mapping[str, np.ndarray], workers: int = 1) -> dict[str, np.ndarray]:
    """The outputs of the emitted program. All memory starts as not-a-number, so that what nobody wrote is seen."""
    emitted = emit(program)
    manifest = link(program, emitted.functions, "cpu", workers)
    params = {k: np.ascontiguousarray(v) for k, v in evaluate(program.prepare, feed).items()}
    context = NumpyKernels(manifest, emitted.source, POOLS[workers]).context(Parameters(params))
    context.arena.bytes[:] = 0xFF
    for name, place in context.inputs.items():
        np.copyto(place, feed[name].astype(place.dtype))
    with np.errstate(all="ignore"):
        context.run()
    return {name: value.copy() for name, value in context.outputs.items()}


def check(graph: Graph, workers: int = 1, pipeline: Pipeline = OPTIMISE) -> str:
    """Assert that the emitted code computes what the interpreter does in double precision; the code.

    An error may be 1e-4 of the value itself or 1e-5 of the largest one: sums of large terms may be small.
    """
    feed = feeds(graph)
    program = program_of(graph, workers, pipeline)
    found, wanted = run(program, feed, workers), evaluate(graph, feed, wide=True)
    for name, value in wanted.items():
        largest = np.max(np.abs(value), initial=1.0, where=np.isfinite(value))
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=2e-5 * largest, err_msg=name)
    return emit(program).source
