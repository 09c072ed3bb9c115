"""The driver: a net and its weights in, an executable out. The whole compiler as one short list of steps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.message import Message

from tcaffe.codegen.numpy import emit
from tcaffe.diagnostics import CompileError, Diagnostic, suggest
from tcaffe.frontend.load import load_net
from tcaffe.frontend.lower import Lowered
from tcaffe.frontend.parameters import parameter_values
from tcaffe.frontend.weights import OneByOne
from tcaffe.gradients import training_graph
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate, walk
from tcaffe.ir.node import Node
from tcaffe.ir.printer import print_graph, print_program
from tcaffe.ir.program import Program
from tcaffe.link import link
from tcaffe.passes.pipeline import OPTIMISE, TRAINING, Observer, Pipeline, lower
from tcaffe.runtime.executable import Executable
from tcaffe.runtime.params import room

Net = str | os.PathLike[str] | Message
Weights = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Values = Mapping[str, np.ndarray]


def compile(
    net: Net,
    weights: Weights | None = None,
    *,
    target: str = "cpu",
    precision: str = "f32",
    phase: str = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
    inputs: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    gradients: bool | Sequence[str] = False,
    workers: int | None = None,
) -> Executable:
    """Compile a Caffe net for inference, or with `gradients` for training.

    `net` is a path, prototxt text or a NetParameter; `weights` one or several `.caffemodel` or `.h5` files, without
    which parameters start as their fillers say. `inputs` overrides shapes by input name; `outputs` names the blobs
    to keep (the net's outputs if None), and what they do not need is not computed. `workers` is the number of threads
    (one per core if None).

    With `gradients` the executable also gives the gradient of the losses for every parameter that learns, or for the
    parameters and blobs that `gradients` names: that of `x` as `d.x`, and what state `x`, such as a running mean,
    becomes as `x'`. Parameters may then change from run to run, by `executable.params.refresh`.

    A net that draws random numbers, in phase TRAIN, has one more input, `random`: int64 [2], a
    seed and a number that should be another one at every call. Raises CompileError with every problem found.
    """
    check_target(target, precision)
    shapes = {name: tuple(shape) for name, shape in (inputs or {}).items()}
    lowered = load_net(net, phase=phase, level=level, stages=tuple(stages), inputs=shapes)
    values = parameter_values(lowered, weights, np.random.default_rng())
    return deploy(lowered, values, Request(outputs, gradients), workers=workers)


@dataclass(frozen=True)
class Request:
    """What is asked of a net: `outputs`, blobs to keep (the net's outputs if None), and `gradients`.

    Those are wanted for the parameters and blobs named, for all parameters that learn if True, or not at all.
    """

    outputs: Sequence[str] | None = None
    gradients: bool | Sequence[str] = False

    def graph(self, lowered: Lowered) -> Graph:
        """What is to be computed; raises CompileError for names there are not."""
        chosen = choose_outputs(lowered, self.outputs)
        if self.gradients is False:
            return lowered.graph.with_outputs(chosen)
        return training_graph(lowered, chosen, None if self.gradients is True else self.gradients)

    @property
    def pipeline(self) -> Pipeline:
        """The passes that suit it."""
        return OPTIMISE if self.gradients is False else TRAINING

    def naive(self, lowered: Lowered) -> int:
        """Bytes of a buffer for each blob that is needed, and of another one for its gradient where there are any."""
        everything = lowered.outputs if self.outputs is None or self.gradients is not False else self.outputs
        return lowered.blob_bytes(everything) * (1 if self.gradients is False else 2)


INFERENCE = Request()
"""The net's outputs."""


def deploy(
    lowered: Lowered,
    values: Values,
    request: Request = INFERENCE,
    *,
    workers: int | None = None,
    observe: Observer | None = None,
) -> Executable:
    """The executable of a net that was read already, with these parameters; see `compile` and `build`."""
    return build(
        request.graph(lowered),
        values,
        request.pipeline,
        workers=workers or default_workers(),
        inputs=lowered.inputs,
        naive=request.naive(lowered),
        observe=observe,
    )


def build(
    graph: Graph,
    values: Values,
    pipeline: Pipeline,
    *,
    workers: int,
    inputs: Sequence[str] = (),
    naive: int = 0,
    observe: Observer | None = None,
) -> Executable:
    """`graph` through a pipeline to an executable; `values` are its parameters by name.

    `inputs` are the net's: those the graph has no need for may be given all the same. `naive` is what the plan is
    compared with, in bytes. `observe` is shown what every pass makes, as it is made.
    """
    stages: dict[str, Graph | Program] = {}

    def keep(name: str, stage: Graph | Program) -> None:
        stages[name] = stage
        if observe:
            observe(name, stage)

    program = lower(graph, pipeline, workers=workers, naive=naive, observe=keep)
    emitted = emit(program)
    unused = tuple(name for name in inputs if all(name != node.name for node in program.inputs))
    manifest = link(program, emitted.functions, "cpu", workers, unused)
    settable = pipeline.parameters == "settable"
    params = evaluate(program.prepare, values) if settable else prepare(program.prepare, values, room(manifest))
    return Executable(manifest, emitted.source, params, program=program, texts=Texts(stages))


def prepare(graph: Graph, values: Values, params: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fill `params`, arrays as the kernels read them, with what `graph` makes of the net's own: folded, merged, packed.

    The largest come first and arrays of a mapped file are read one by one: so there is never much more in memory than
    `params` and what the file holds for one of them.
    """
    largest_first = sorted(graph.outputs, key=lambda name: -params[name].nbytes)
    made: dict[Node, list[str]] = {}
    for name in largest_first:
        made.setdefault(_unshaped(graph.outputs[name]), []).append(name)

    def keep(node: Node, value: np.ndarray) -> None:
        for name in made.get(node, ()):
            np.copyto(params[name].reshape(value.shape), value)

    walk(graph.with_outputs({names[0]: node for node, names in made.items()}), OneByOne(values), keep)
    return params


def _unshaped(node: Node) -> Node:
    """What `node` is a reshape of: to reshape after a transposition is to copy, and it is copied anyway."""
    return _unshaped(node.inputs[0]) if node.op is ops.reshape else node


def choose_outputs(lowered: Lowered, names: Sequence[str] | None) -> dict[str, Node]:
    """The blobs called `names`, or the net's own outputs; raises CompileError for every name that is no blob."""
    chosen = list(lowered.outputs if names is None else names)
    unknown = [name for name in chosen if name not in lowered.blobs]
    if unknown:
        raise CompileError([_no_blob(name, lowered) for name in unknown])
    return {name: lowered.blobs[name] for name in chosen}


def _no_blob(name: str, lowered: Lowered) -> Diagnostic:
    return Diagnostic("E0601", f"the net has no blob `{name}`", suggestion=suggest(name, lowered.blobs))


def check_target(target: str, precision: str) -> None:
    """Raise CompileError for a target or precision there is no code for."""
    if target != "cpu":
        raise CompileError([Diagnostic("E0602", f"there is no target `{target}`", note="the targets are: cpu")])
    if precision != "f32":
        raise CompileError([Diagnostic("E0603", f"target cpu has no precision `{precision}`", note="it has: f32")])


def default_workers() -> int:
    """Threads a kernel is split over: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Texts(Mapping[str, str]):
    """The printed IR after every pass, by the pass's name; a text is made when it is asked for."""

    def __init__(self, stages: Mapping[str, Graph | Program]) -> None:
        self.stages = stages

    def __getitem__(self, name: str) -> str:
        stage = self.stages[name]
        return print_graph(stage) if isinstance(stage, Graph) else print_program(stage)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)


def write_dumps(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the text after every pass into `folder`, numbered in order; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{k:02}-{name}.ir" for k, name in enumerate(texts)]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths
