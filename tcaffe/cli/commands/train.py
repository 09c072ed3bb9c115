"""`tcaffe train`: a net by a solver's prototxt."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from tcaffe.cli import screen, units
from tcaffe.cli.command import command
from tcaffe.cli.options import size_given, target_options, weights_option
from tcaffe.cli.training import EFFECTS, Log, Metrics, Progressing, Signals
from tcaffe.ir.target import Target
from tcaffe.pycaffe.training import start as start_net
from tcaffe.train.engine import StepEngine
from tcaffe.train.group import Group, joined, own_share
from tcaffe.train.session import start
from tcaffe.train.settings import Settings, read_settings
from tcaffe.train.snapshot import newest_state
from tcaffe.train.solver import Solver


@command
@click.argument("solver")
@click.option("--snapshot", metavar="STATE", help="Go on from this .solverstate.")
@click.option("--resume", is_flag=True, help="Go on from the newest snapshot, if there is one.")
@weights_option
@click.option("--level", type=int, default=0, metavar="N", help="The level of the train net.")
@click.option("--stage", multiple=True, metavar="NAME", help="A stage of the train net; may be repeated.")
@click.option("--memory-budget", callback=size_given, metavar="SIZE", help="Bytes that training may take at most.")
@click.option("--allow-python", is_flag=True, help="Run the code of Python layers, from PYTHONPATH.")
@click.option("--metrics", metavar="FILE", help="Append loss, rate and outputs to FILE, a JSON object a line.")
@click.option("--log", is_flag=True, help="Write the original's log lines to stderr instead of progress.")
@click.option("--sigint-effect", type=click.Choice(EFFECTS), default="stop", show_default=True,
              help="What Ctrl-C does.")  # fmt: skip
@click.option("--sighup-effect", type=click.Choice(EFFECTS), default="snapshot", show_default=True,
              help="What a hang-up does.")  # fmt: skip
@target_options(own_share)
def train(
    solver: str, snapshot: str | None, resume: bool, weights: Sequence[str], level: int, stage: Sequence[str],
    memory_budget: int | None, allow_python: bool, metrics: str | None, log: bool, sigint_effect: Any,
    sighup_effect: Any, target: Target,
) -> None:  # fmt: skip
    """Train the net of SOLVER, a solver's prototxt.

    \b
    tcaffe train solver.prototxt
    tcaffe train solver.prototxt --snapshot net_iter_5000.solverstate
    tcaffe train solver.prototxt --resume
    tcaffe train solver.prototxt --weights pretrained.caffemodel --metrics run.jsonl
    tcaffe train solver.prototxt --memory-budget 2GiB
    torchrun --nproc-per-node 2 -m tcaffe.cli train solver.prototxt

    Ctrl-C finishes the iteration and takes a snapshot; a second one ends at once. Snapshots are written whole or not at
    all, and training that goes on from one, however it ended, arrives where it would have without a break. Weights are
    taken by layers that have the same name. Under torchrun every process takes batches of its own, and all update with
    the mean of their gradients.
    """
    if snapshot and (weights or resume):
        raise click.UsageError("a snapshot has its weights: give one of --snapshot, --resume and --weights")
    settings = read_settings(solver, level=level or None, stages=stage)
    if resume and (newest := newest_state(settings.message.snapshot_prefix)):
        snapshot = str(newest)
    files = [] if snapshot else [Path(name) for name in weights] or None
    with joined() as group:
        if allow_python:
            session, engine = _with_python(settings, files, group, memory_budget), None
        else:
            session, engine = start(settings, weights=files, memory_budget=memory_budget, target=target, group=group)
        if snapshot:
            session.restore(snapshot)
            if group.rank == 0:
                screen.note(f"from {snapshot}")
        signals = Signals({signal.SIGINT: sigint_effect, signal.SIGHUP: sighup_effect})
        session.poll = signals.poll
        with signals.caught():
            if group.rank > 0:
                session.solve()
            else:
                _introduce(session, engine)
                _show(session, engine.items if engine else 1, Path(metrics) if metrics else None, log)


def _show(session: Solver, items: int, metrics: Path | None, log: bool) -> None:
    """Train, an iteration having so many items, and show how it goes."""
    bar = None if log else Progressing(session.settings.message.max_iter, session.iteration, items)
    session.say = Log() if log else lambda line: None
    records = Metrics(metrics)

    def measured(record: dict[str, Any]) -> None:
        records.write(record)
        if bar:
            bar.tell(record)

    session.measured = measured
    if bar:
        session.ticked = bar.tick
    try:
        with bar.visible() if bar else nullcontext():
            finished = session.solve()
    finally:
        records.close()
    screen.note(f"{'done' if finished else 'stopped'} after {session.iteration} iterations")


def _with_python(settings: Settings, weights: Sequence[Path] | None, group: Group, budget: int | None) -> Solver:
    """A session whose net runs layers outside of the program, one pass after the other, in one process."""
    if group.size > 1 or budget is not None:
        raise click.UsageError("with --allow-python training runs in one process, and without a budget")
    return start_net(settings, weights)[0]


def _introduce(session: Solver, engine: StepEngine | None) -> None:
    """What is trained, and what it takes."""
    if engine is None:
        screen.note(f"{session.engine.name}: forward, backward and update as programs of their own")
        return
    program = engine.executable.program
    assert program is not None and program.plan is not None
    memory = f"arena and parameters {units.bytes_(program.nbytes)} ({program.plan.certificate})"
    processes = f", {engine.group.size} processes" if engine.group.size > 1 else ""
    screen.note(f"{engine.name}: {units.plural(len(program.kernels), 'kernel')} an iteration, {memory}{processes}")
