"""Compile every net under a folder: how many do, how good the plans are, how long it takes.

    python -m benchmarks.zoo FOLDER [--all]      # deployed nets
    python -m benchmarks.zoo FOLDER --train      # nets with a loss, with the gradients of all parameters

Weights are not read: what is compiled is the program and its source. Times are of this process's CPU. Data layers of
which the file does not tell the shape get images of 3x227x227, or the size usual for the data set in their path.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click

from tcaffe.codegen.numpy import emit
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import load_net, read_state
from tcaffe.frontend.lower import Lowered
from tcaffe.ir.target import cpu
from tcaffe.ir.verify import verify_program
from tcaffe.request import INFERENCE, Request

SLOWEST = 5
WORKERS = 2
DIGITS = (28, 28)
IMAGES = {
    "cifar": (3, 32, 32),
    "siamese": (2, *DIGITS),
    "triplet": (3, *DIGITS),
    "mnist": (1, *DIGITS),
    "lenet": (1, *DIGITS),
}
IMAGE = (3, 227, 227)
VECTOR = (4,)  # of the rows of an HDF5 file

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Result:
    """One net: seconds and what the plan says, or why it does not compile."""

    file: str
    seconds: float
    kernels: int = 0
    arena: int = 0
    naive: int = 0
    bound: int = 0
    problem: str = ""

    @property
    def certificate(self) -> str:
        """How far the arena is from the lower bound."""
        return "optimal" if self.arena == self.bound else f"{self.arena / self.bound - 1:.2%} above the bound"


def compile_one(load: Callable[[Path], Lowered], request: Request, path: Path, name: str) -> Result:
    """Compile one file to source."""
    start = time.process_time()
    try:
        program, _ = request.program(load(path), target=cpu(WORKERS))
        verify_program(program)
        emit(program)
    except CompileError as error:
        problem = next(d for d in error.diagnostics if d.severity == "error")
        return Result(name, time.process_time() - start, problem=f"{problem.code}: {problem.message}")
    plan = program.plan
    assert plan is not None
    seconds = time.process_time() - start
    return Result(name, seconds, len(program.kernels), plan.size, plan.naive, plan.lower_bound)


def deployed(folder: Path, everything: bool) -> Iterator[Path]:
    """The prototxt files that describe a deployed net, by their names."""
    for path in sorted(folder.rglob("*.prototxt")):
        if everything or ("deploy" in path.name and "solver" not in path.name):
            yield path


def trained(folder: Path) -> Iterator[Path]:
    """The prototxt files with a loss in phase TRAIN."""
    for path in sorted(folder.rglob("*.prototxt")):
        try:
            layers = read_state(path, phase="TRAIN").message.layer
        except CompileError:
            continue
        if any("Loss" in layer.type or any(layer.loss_weight) for layer in layers):
            yield path


def load_trained(path: Path) -> Lowered:
    """A net in phase TRAIN."""
    state = read_state(path, phase="TRAIN")
    image = next((shape for word, shape in IMAGES.items() if word in str(path).lower()), IMAGE)
    shapes = {top: shape for layer in state.message.layer for top, shape in _untold(layer, image).items()}
    return load_net(path, phase="TRAIN", inputs=shapes)


def _untold(layer: Any, image: tuple[int, ...]) -> Shapes:
    """Shapes for the tops of a layer of which a prototxt does not tell any."""
    if layer.type == "HDF5Data":
        first, *others = layer.top
        batch = layer.hdf5_data_param.batch_size
        return {first: (batch, *VECTOR)} | dict.fromkeys(others, (batch,))
    if layer.type == "Data" and not (layer.transform_param.crop_size or layer.data_param.crop_size):
        return {layer.top[0]: (layer.data_param.batch_size, *image)}
    return {}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Every prototxt file, not those called deploy only.")
@click.option("--train", is_flag=True, help="Nets with a loss, and their gradients.")
def main(folder: Path, everything: bool, train: bool) -> None:
    """Compile the nets under FOLDER and tell how it went."""
    paths = trained(folder) if train else deployed(folder, everything)
    load, request = (load_trained, Request(gradients=True)) if train else (load_net, INFERENCE)
    results = []
    for path in paths:
        r = compile_one(load, request, path, path.relative_to(folder).as_posix())
        told = r.problem or f"{r.kernels} kernels, {r.naive:,} -> {r.arena:,} bytes, {r.certificate}"
        click.echo(f"{r.seconds:6.2f} s  {r.file}: {told}")
        results.append(r)
    done = [r for r in results if not r.problem]
    optimal = sum(r.certificate == "optimal" for r in done)
    click.echo(f"{len(done)} of {len(results)} compile, {optimal} plans are optimal")
    if done:
        share = median(r.arena / r.naive for r in done if r.naive)
        click.echo(f"an arena takes {share:.0%} of Caffe's memory (median)")
    for r in sorted(done, key=lambda r: -r.seconds)[:SLOWEST]:
        click.echo(f"{r.seconds:6.2f} s  {r.file}")


if __name__ == "__main__":
    main()
