"""`tcaffe time`: where a net's time goes."""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median

import click
import numpy as np
from rich.table import Table

from tcaffe.cli import screen, units
from tcaffe.cli.building import Built, build
from tcaffe.cli.command import command, json_option
from tcaffe.cli.options import NetQuery, net_options, shape_options, weights_option, workers_option
from tcaffe.cli.sampling import random_inputs
from tcaffe.cli.timing import KernelTime, LayerTime, kernel_times, layer_times
from tcaffe.request import Request

WARM_UP = 3  # runs before the first that counts


@command
@weights_option
@shape_options
@click.option("--iterations", type=click.IntRange(1), default=50, show_default=True, metavar="N",
              help="Runs that count.")  # fmt: skip
@click.option("--kernels", is_flag=True, help="Show a line for every kernel, too.")
@workers_option
@json_option
@net_options()
def time(
    query: NetQuery, weights: Sequence[str], iterations: int, kernels: bool, workers: int | None, as_json: bool
) -> None:
    """Time NET on random numbers: forward, and in phase TRAIN backward, too, if it has a loss.

    \b
    tcaffe time deploy.prototxt --batch 16
    tcaffe time train_val.prototxt --phase TRAIN --iterations 100 --kernels
    tcaffe time deploy.prototxt --json

    Times are medians. Kernels compute several layers at once: their time stands at the first, and the others say where.
    """
    lowered = query.lower()
    backward = query.phase == "TRAIN" and bool(lowered.loss_weights)
    built = build(query, weights, lowered=lowered, request=Request(gradients=backward), workers=workers)
    runs, wholes = measured(built, iterations)
    found = kernel_times(built, runs)
    layers = layer_times(built, found)
    if as_json:
        screen.write_json({
            "name": built.program.name, "iterations": iterations, "seconds": median(wholes),
            "layers": [asdict(layer) for layer in layers], "kernels": [asdict(kernel) for kernel in found],
        })  # fmt: skip
        return
    screen.complain(built.warnings)
    screen.show(layer_table(layers, backward), "")
    if kernels:
        screen.show(kernel_table(found), "")
    passes = [(name, sum(k.seconds for k in found if k.backward == way)) for name, way in WAYS[: 1 + backward]]
    whole = f"{units.seconds(median(wholes))} a run, from {units.seconds(min(wholes))} to {units.seconds(max(wholes))}"
    screen.show(screen.facts(*((name, units.seconds(seconds)) for name, seconds in passes), ("whole", whole)))


WAYS = (("forward", False), ("backward", True))


def measured(built: Built, iterations: int) -> tuple[list[list[float]], list[float]]:
    """The seconds of each kernel in each run, and of runs in which kernels are not looked at."""
    context = built.executable.context()
    for name, value in random_inputs(built.lowered, 0).items():
        if name in context.inputs:
            np.copyto(context.inputs[name], value)
    saved = {name: array.copy() for name, array in context.inputs.items()}
    runs, wholes = [], []
    with screen.progress("timing", iterations + WARM_UP) as meter:
        for k in range(iterations + WARM_UP):
            for name, array in saved.items():
                np.copyto(context.inputs[name], array)  # a run may use the memory of an input
            times = context.timed()
            for name, array in saved.items():
                np.copyto(context.inputs[name], array)
            start = clock.perf_counter()
            context.run()
            if k >= WARM_UP:
                runs.append(times)
                wholes.append(clock.perf_counter() - start)
            meter.advance()
    return runs, wholes


def layer_table(layers: Sequence[LayerTime], backward: bool) -> Table:
    """A line a layer."""
    total = sum(layer.seconds for layer in layers)
    ways = (">forward", ">backward") if backward else (">forward",)
    made = screen.table("layer", "type", *ways, ">share", ">GFLOP/s", "")
    for layer in layers:
        times = (layer.forward, layer.backward)[: len(ways)]
        where = f"in {', '.join(layer.within[:3])}" if layer.within and not layer.seconds else ""
        screen.row(
            made, layer.name, layer.type, *(units.seconds(t) if t else "" for t in times),
            units.percent(layer.seconds, total) if layer.seconds else "", _speed(layer.flops, layer.seconds), where,
        )  # fmt: skip
    return made


def kernel_table(kernels: Sequence[KernelTime]) -> Table:
    """A line a kernel."""
    total = sum(kernel.seconds for kernel in kernels)
    made = screen.table("kernel", "layers", "pass", ">time", ">share", ">GFLOP/s")
    for kernel in kernels:
        screen.row(
            made, kernel.name, ", ".join(kernel.layers[:4]), "backward" if kernel.backward else "forward",
            units.seconds(kernel.seconds), units.percent(kernel.seconds, total), _speed(kernel.flops, kernel.seconds),
        )  # fmt: skip
    return made


def _speed(work: int, seconds: float) -> str:
    return f"{work / seconds / 1e9:.1f}" if seconds and work else ""
