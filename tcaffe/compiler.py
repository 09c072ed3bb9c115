"""The driver: a net and its weights in, an executable out. The whole compiler as one short list of steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from google.protobuf.message import Message

from tcaffe.codegen import numpy, triton
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.load import load_net
from tcaffe.frontend.lower import Lowered
from tcaffe.frontend.parameters import parameter_values
from tcaffe.frontend.weights import OneByOne
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate, walk
from tcaffe.ir.node import Node
from tcaffe.ir.printer import print_graph, print_program
from tcaffe.ir.program import Program
from tcaffe.ir.target import ARCHITECTURES, Target, cpu
from tcaffe.link import link
from tcaffe.passes.pipeline import Observer, Pipeline
from tcaffe.request import INFERENCE, Request, within
from tcaffe.runtime.executable import Executable
from tcaffe.runtime.gpu.devices import architecture_of
from tcaffe.runtime.manifest import Manifest
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
    memory_budget: int | None = None,
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

    `memory_budget` is how many bytes arena and parameters may take together; with gradients, parts of the forward
    pass run a second time where that is needed to stay within.

    A net that draws random numbers, in phase TRAIN, has one more input, `random`: int64 [2], a
    seed and a number that should be another one at every call. Raises CompileError with every problem found.
    """
    on = target_of(target, workers)
    check_precision(on, precision)
    shapes = {name: tuple(shape) for name, shape in (inputs or {}).items()}
    lowered = load_net(net, phase=phase, level=level, stages=tuple(stages), inputs=shapes)
    values = parameter_values(lowered, weights, np.random.default_rng())
    return deploy(lowered, values, Request(outputs, gradients, memory_budget), target=on)


def deploy(
    lowered: Lowered,
    values: Values,
    request: Request = INFERENCE,
    *,
    target: Target,
    observe: Observer | None = None,
) -> Executable:
    """The executable of a net that was read already, with these parameters; see `compile`.

    `observe` is shown what every pass makes, as it is made.
    """
    stages = Stages(observe)
    program, _ = request.program(lowered, target=target, observe=stages.show)
    unused = tuple(name for name in lowered.inputs if all(name != node.name for node in program.inputs))

    def fill(manifest: Manifest) -> Values:
        return prepare(program.prepare, values, room(manifest))

    return assemble(program, fill, target=target, stages=stages, unused=unused)


def build(
    graph: Graph, values: Values, pipelines: Iterable[Pipeline], *, target: Target, memory_budget: int | None = None
) -> Executable:
    """`graph` through the first of the pipelines that keeps to the budget; `values` are its parameters by name.

    What the kernels read or change as it stands is not copied; on a GPU it has to be dense. Raises CompileError where
    no pipeline keeps to the budget.
    """
    stages = Stages()
    program, _ = within(memory_budget, graph, pipelines, target=target, observe=stages.show)

    def made(manifest: Manifest) -> Values:
        found = evaluate(program.prepare, values)
        return {name: np.ascontiguousarray(value) for name, value in found.items()} if target.gpu else found

    return assemble(program, made, target=target, stages=stages)


def assemble(
    program: Program,
    params: Callable[[Manifest], Values],
    *,
    target: Target,
    stages: Stages,
    unused: Sequence[str] = (),
) -> Executable:
    """The executable of a planned program; `params` gives the arrays that its kernels read, as the manifest has them.

    `unused` are inputs of the net that it has no need for.
    """
    emitted = triton.emit(program) if target.gpu else numpy.emit(program)
    manifest = link(program, emitted.functions, str(target), target.workers, tuple(unused), emitted.launches)
    return Executable(manifest, emitted.source, params(manifest), program=program, texts=stages)


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


def target_of(name: str, workers: int | None = None) -> Target:
    """The target that users call `name`: `cpu`, `cuda`, `cuda:1` (the GPU of that number), `cuda:sm_90` (a GPU that is
    elsewhere). Raises CompileError for one there is no code for, and where there is no such GPU.
    """
    kind, _, which = name.partition(":")
    threads = workers or default_workers()
    if name == "cpu":
        return cpu(threads)
    if kind == "cuda" and (which.isdecimal() or not which):
        device = int(which or 0)
        return Target("cuda", threads, architecture_of(device), device)
    if which in ARCHITECTURES.get(kind, ()):
        return Target(kind, threads, which, ahead=True)
    known = ", ".join(f"{kind}:{each}" for kind, several in ARCHITECTURES.items() for each in several)
    note = f"the targets are: cpu, cuda, cuda:N (the GPU of that number), {known}"
    raise CompileError([Diagnostic("E0602", f"there is no target `{name}`", note=note)])


def processors(workers: int | None = None) -> Target:
    """This machine's processor, with a thread for each core unless told otherwise."""
    return cpu(workers or default_workers())


def check_precision(target: Target, precision: str) -> None:
    """Raise CompileError for a precision there is no code for."""
    if precision != "f32":
        message = f"target {target.name} has no precision `{precision}`"
        raise CompileError([Diagnostic("E0603", message, note="it has: f32")])


def default_workers() -> int:
    """Threads a kernel is split over: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Stages(Mapping[str, str]):
    """The printed IR after every pass, by the pass's name; a text is made when it is asked for."""

    def __init__(self, observe: Observer | None = None) -> None:
        self._stages: dict[str, Graph | Program] = {}
        self._observe = observe

    def show(self, name: str, stage: Graph | Program) -> None:
        """Keep what a pass made, and show it to whoever observes."""
        self._stages[name] = stage
        if self._observe:
            self._observe(name, stage)

    def __getitem__(self, name: str) -> str:
        stage = self._stages[name]
        return print_graph(stage) if isinstance(stage, Graph) else print_program(stage)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)


def write_dumps(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the text after every pass into `folder`, numbered in order; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{k:02}-{name}.ir" for k, name in enumerate(texts)]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths
