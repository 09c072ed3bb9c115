"""`tcaffe time`: how long each layer and each kernel takes, forward and backward."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import click
import numpy as np
from rich.table import Table

from tcaffe.cli import screen, units
from tcaffe.cli.building import Built, build
from tcaffe.cli.command import command, json_option
from tcaffe.cli.draw.flow import algorithm
from tcaffe.cli.options import NetQuery, net_options, outputs_option, shape_options, workers_option
from tcaffe.cli.sampling import random_inputs, random_value
from tcaffe.cli.timing import KernelTime, LayerTime, Times, measure
from tcaffe.data.feed import Feed
from tcaffe.data.feeds import feeds_of
from tcaffe.diagnostics import CompileError
from tcaffe.frontend.lower import Lowered
from tcaffe.gradients import losses, training_graph
from tcaffe.request import Request, choose_outputs
from tcaffe.runtime.context import Context


@command
@shape_options
@outputs_option
@click.option("--iterations", type=click.IntRange(1), default=50, metavar="N", show_default=True,
              help="How many runs the medians are of.")  # fmt: skip
@click.option("--kernels", is_flag=True, help="List the kernels too, a line each.")
@workers_option
@json_option
@net_options()
def time(
    query: NetQuery, outputs: Sequence[str] | None, iterations: int, kernels: bool, workers: int | None, as_json: bool
) -> None:
    """Tell how long the layers of NET take: the median of several runs.

    \b
    tcaffe time deploy.prototxt --batch 16
    tcaffe time train_val.prototxt --phase TRAIN --input data=64x3x224x224 --input label=64
    tcaffe time deploy.prototxt --kernels --iterations 200 --workers 1

    In phase TRAIN a net with a loss runs backward too: the gradients of all parameters that learn. A kernel that serves
    several layers counts as the first one's, and the others say where they went. Operations are those of the direct
    form, so a Winograd convolution may do more of them a second than the machine. Parameters are as their fillers make
    them; inputs are random numbers, or what the net's data layers read if their data is there.
    """
    lowered, fed = fed_net(query)
    backward = query.phase == "TRAIN" and any(losses(lowered))
    built = build(query, [], lowered=lowered, request=Request(outputs, gradients=backward), workers=workers)
    context = built.executable.context()
    fill(context, lowered, fed)
    chosen = choose_outputs(lowered, outputs)
    forward = training_graph(lowered, chosen).forward if backward else chosen
    times = measure(built, context, forward, iterations)
    if as_json:
        said = [d.json() for d in built.warnings]
        screen.write_json({**described(built, times), "iterations": iterations, "diagnostics": said})
        return
    screen.complain(built.warnings)
    screen.show(layer_table(times, times.by_layer(lowered.layers), backward), "")
    if kernels:
        screen.show(kernel_table(times), "")
    screen.show(screen.facts(*facts(built, times, iterations, backward)))


def fed_net(query: NetQuery) -> tuple[Lowered, Mapping[str, np.ndarray]]:
    """The net, and a batch for its inputs as far as its data layers can be read."""
    arrays: dict[str, np.ndarray] = {}
    for feed in _feeds(query):
        with closing(feed):
            lowered = query.lower({top: shape for top, shape in feed.shapes.items() if top not in query.shapes})
            arrays |= feed.batch({top: lowered.blobs[top].shape for top in feed.tops})
    lowered = query.lower({name: array.shape for name, array in arrays.items() if name not in query.shapes})
    return lowered, arrays


def _feeds(query: NetQuery) -> Iterator[Feed]:
    """What the net's data layers read; nothing where a source is missing."""
    random = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield from feeds_of(query.state.message, query.phase, lambda: random)
        except CompileError:
            return


def fill(context: Context, lowered: Lowered, fed: Mapping[str, np.ndarray]) -> None:
    """Give every input what was read for it, or else random numbers."""
    values = {**random_inputs(lowered, 0), **fed}
    for name, place in context.inputs.items():
        value = values.get(name)
        fits = value is not None and value.shape == place.shape
        np.copyto(place, value if fits else random_value(name, place.shape, place.dtype.type, 0), casting="same_kind")


def layer_table(times: Times, layers: Sequence[LayerTime], backward: bool) -> Table:
    """A line a layer: its time forward and backward, its share, its operations a second, and whom it shares with."""
    made = screen.table("layer", "type", ">forward", *([">backward"] if backward else []), ">share", ">GFLOP/s", "")
    whole = times.forward + times.backward
    for line in layers:
        back = [_seconds(line.backward)] if backward else []
        screen.row(
            made, line.layer.name, line.layer.type, _seconds(line.forward), *back,
            units.percent(line.seconds, whole) if line.kernels else "", rate(line), remark(line),
        )  # fmt: skip
    back = [_seconds(times.backward)] if backward else []
    screen.row(made, "all", "", _seconds(times.forward), *back, "", "", "", style="bold")
    return made


def kernel_table(times: Times) -> Table:
    """A line a kernel, in the order in which they run."""
    made = screen.table("kernel", "layers", "pass", "algorithm", ">time", ">share", ">GFLOP/s")
    whole = times.forward + times.backward
    for kernel in times.kernels:
        screen.row(
            made, kernel.kernel.name, " + ".join(layer.name for layer in kernel.layers), pass_of(kernel),
            algorithm(kernel.kernel), units.seconds(kernel.seconds), units.percent(kernel.seconds, whole), rate(kernel),
        )  # fmt: skip
    return made


def remark(line: LayerTime) -> str:
    """What a layer shares kernels with."""
    with_others = f"with {_some(line.guests)}" if line.guests else ""
    within = f"in {_some(line.hosts)}" if line.hosts else ""
    return ", ".join(part for part in (with_others, within) if part)


def rate(line: LayerTime | KernelTime) -> str:
    """Operations a second."""
    return f"{line.flops / line.seconds / 1e9:.1f}" if line.flops and line.seconds else ""


def pass_of(kernel: KernelTime) -> str:
    """Which pass a kernel belongs to."""
    return "backward" if kernel.backward else "forward"


def facts(built: Built, times: Times, iterations: int, backward: bool) -> list[tuple[str, str]]:
    """The time of a whole run, and of what."""
    least, most = times.spread
    spread = f"{units.seconds(least)} to {units.seconds(most)}"
    inputs = ", ".join(f"{node.name} {'x'.join(map(str, node.shape))}" for node in built.program.inputs)
    work = f"{units.plural(len(times.kernels), 'kernel')}, {units.plural(built.executable.manifest.workers, 'worker')}"
    flops = sum(kernel.flops for kernel in times.kernels)
    return [
        ("run", f"{'forward and backward' if backward else 'forward'}, {work}; {inputs}"),
        ("time", f"{units.seconds(times.seconds)} in the median of {units.plural(iterations, 'run')}, {spread}"),
        ("work", f"{units.count(flops)}FLOP, {flops / times.seconds / 1e9:.1f} GFLOP/s"),
    ]


def described(built: Built, times: Times) -> dict[str, Any]:
    """The result as plain values, times in seconds."""
    return {
        "name": built.program.name,
        "workers": built.executable.manifest.workers,
        "inputs": {node.name: list(node.shape) for node in built.program.inputs},
        "seconds": times.seconds,
        "least": times.spread[0],
        "most": times.spread[1],
        "forward": times.forward,
        "backward": times.backward,
        "layers": [_layer(line) for line in times.by_layer(built.lowered.layers)],
        "kernels": [_kernel(kernel) for kernel in times.kernels],
    }


def _layer(line: LayerTime) -> dict[str, Any]:
    return {
        "name": line.layer.name,
        "type": line.layer.type,
        "forward": line.forward,
        "backward": line.backward,
        "flops": line.flops,
        "kernels": [k.kernel.name for k in line.kernels],
        "with": line.guests,
        "in": line.hosts,
    }


def _kernel(kernel: KernelTime) -> dict[str, Any]:
    return {
        "name": kernel.kernel.name,
        "layers": [layer.name for layer in kernel.layers],
        "pass": pass_of(kernel),
        "algorithm": algorithm(kernel.kernel),
        "seconds": kernel.seconds,
        "flops": kernel.flops,
    }


def _seconds(time: float) -> str:
    return units.seconds(time) if time else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
