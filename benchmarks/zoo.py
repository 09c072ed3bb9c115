"""Compile every deploy net under a folder: how many do, how good the plans are, how long it takes.

    python -m benchmarks.zoo FOLDER [--all]

Weights are not read: what is compiled is the program and its source. Times are of this process's CPU.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from tcaffe.cli.building import planned
from tcaffe.codegen.numpy import emit
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.load import load_net

SLOWEST = 5


@dataclass(frozen=True)
class Result:
    """One net: seconds and what the plan says, or why it does not compile."""

    file: str
    seconds: float
    kernels: int = 0
    arena: int = 0
    naive: int = 0
    certificate: str = ""
    problem: str = ""


def compile_one(path: Path, name: str) -> Result:
    """Compile one file to source."""
    start = time.process_time()
    try:
        done = planned(load_net(path))
        emit(done.program)
    except CompileError as error:
        return Result(name, time.process_time() - start, problem=str(error.diagnostics[0]).splitlines()[0])
    seconds, plan = time.process_time() - start, done.plan
    return Result(name, seconds, len(done.program.kernels), plan.size, plan.naive, plan.certificate)


def nets(folder: Path, everything: bool) -> Iterator[Path]:
    """The prototxt files that describe a deployed net, by their names."""
    for path in sorted(folder.rglob("*.prototxt")):
        if everything or ("deploy" in path.name and "solver" not in path.name):
            yield path


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Every prototxt file, not those called deploy only.")
def main(folder: Path, everything: bool) -> None:
    """Compile every deploy net under FOLDER and tell how it went."""
    results = [compile_one(path, path.relative_to(folder).as_posix()) for path in nets(folder, everything)]
    done = [r for r in results if not r.problem]
    for r in results:
        told = r.problem or f"{r.kernels} kernels, {r.naive:,} -> {r.arena:,} bytes, {r.certificate}"
        click.echo(f"{r.seconds:6.2f} s  {r.file}: {told}")
    optimal = sum(r.certificate == "optimal" for r in done)
    click.echo(f"{len(done)} of {len(results)} compile, {optimal} plans are optimal; the slowest:")
    for r in sorted(done, key=lambda r: -r.seconds)[:SLOWEST]:
        click.echo(f"{r.seconds:6.2f} s  {r.file}")


if __name__ == "__main__":
    main()
