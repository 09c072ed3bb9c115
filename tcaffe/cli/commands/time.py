"""`tcaffe time`: how long each layer and each kernel takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from rich.table import Table

from tcaffe.cli import screen, units
from tcaffe.cli.command import command, json_option
from tcaffe.cli.options import NetQuery, net_options, shape_options, target_options, warn
from tcaffe.cli.timing import PASSES, KernelTime, LayerTime, Timing, time_net
from tcaffe.diagnostics import printable
from tcaffe.frontend.lower import LoweredLayer
from tcaffe.ir.target import Target

NAMES_SHOWN = 4  # of the layers a kernel computes
NO_LAYER = "(no layer)"


@command
@shape_options
@click.option("--iterations", type=click.IntRange(1), default=50, metavar="N", show_default=True,
              help="How many runs; the times are their medians.")  # fmt: skip
@click.option("--kernels", is_flag=True, help="List the kernels too, a line each.")
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True, help="For random numbers.")
@target_options()
@json_option
@net_options()
def time(query: NetQuery, iterations: int, kernels: bool, seed: int, target: Target, as_json: bool) -> None:
    """Run NET on random numbers, and show how long each layer takes.

    \b
    tcaffe time deploy.prototxt --batch 16
    tcaffe time deploy.prototxt --iterations 10 --kernels
    tcaffe time train_val.prototxt --phase TRAIN --input data=64x3x227x227 --input label=64

    In phase TRAIN a net with a loss runs backward as well. A kernel that computes several layers counts for the one
    that most of its operations are of; the last column tells the others. GFLOP/s counts what the layers ask for: an
    algorithm that needs fewer operations shows as a higher rate.
    """
    timing = time_net(query, iterations, seed=seed, target=target)
    if as_json:
        screen.write_json(described(timing))
        return
    warn(timing.net.lowered)
    if query.phase == "TRAIN" and not timing.training:
        screen.note("the net has no loss in this phase: forward only")
    screen.show(layer_table(timing), "")
    if kernels:
        screen.show(kernel_table(timing), "")
    screen.show(headline(timing))


def headline(timing: Timing) -> str:
    """The whole in one line."""
    parts = [f"{name} {units.seconds(seconds)}" for name, seconds in timing.passes.items()]
    if timing.training:
        parts.append(f"together {units.seconds(timing.total)}")
    name = printable(timing.net.program.name)
    return f"{name}: {', '.join(parts)} in the median of {units.plural(len(timing.samples), 'run')}"


def layer_table(timing: Timing) -> Table:
    """A line a layer."""
    passes = PASSES if timing.training else PASSES[:1]
    made = screen.table("layer", "type", *(f">{name}" for name in passes), ">share", ">GFLOP/s", "kernels shared")
    total = sum(line.seconds for line in timing.layers)
    for line in timing.layers:
        named = (line.layer.name, line.layer.type) if line.layer else (NO_LAYER, "")
        times = [line.forward, line.backward][: len(passes)]
        screen.row(
            made, *named, *(units.seconds(t) if t else "" for t in times),
            units.percent(line.seconds, total) if line.seconds else "", rate(line.flops, line.seconds), shared(line),
        )  # fmt: skip
    return made


def kernel_table(timing: Timing) -> Table:
    """A line a kernel."""
    extra = ["pass"] if timing.training else []
    made = screen.table("kernel", *extra, ">time", ">share", ">FLOP", ">GFLOP/s", "layers")
    total = sum(each.seconds for each in timing.kernels)
    for each in timing.kernels:
        screen.row(
            made, each.kernel.name, *([PASSES[each.backward]] if extra else []), units.seconds(each.seconds),
            units.percent(each.seconds, total), units.count(each.flops) if each.flops else "",
            rate(each.flops, each.seconds), names(_leader_first(each)),
        )  # fmt: skip
    return made


def shared(line: LayerTime) -> str:
    """Which layers a layer shares kernels with: those that its kernels compute too, those that compute it."""
    with_, in_ = names(line.others), names(line.inside)
    return ", ".join([*([f"with {with_}"] if with_ else []), *([f"in those of {in_}"] if in_ else [])])


def rate(flops: int, seconds: float) -> str:
    """Billions of operations a second."""
    return f"{flops / seconds / 1e9:.1f}" if flops and seconds else ""


def names(layers: Iterable[LoweredLayer]) -> str:
    """The names of some layers, not of too many."""
    found = [layer.name for layer in layers]
    more = f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else ""
    return " + ".join(found[:NAMES_SHOWN]) + more


def described(timing: Timing) -> dict[str, Any]:
    """The result as plain values; times are seconds."""
    lowered = timing.net.lowered
    return {
        "name": timing.net.program.name,
        "iterations": len(timing.samples),
        "passes": dict(timing.passes),
        "seconds": timing.total,
        "layers": [_layer(line) for line in timing.layers],
        "kernels": [_kernel(each) for each in timing.kernels],
        "diagnostics": [d.json() for d in lowered.warnings],
    }


def _layer(line: LayerTime) -> dict[str, Any]:
    return {
        "name": line.layer.name if line.layer else None,
        "type": line.layer.type if line.layer else None,
        "forward": line.forward,
        "backward": line.backward,
        "flops": line.flops,
        "with": [layer.name for layer in line.others],
        "in": [layer.name for layer in line.inside],
    }


def _kernel(each: KernelTime) -> dict[str, Any]:
    return {
        "name": each.kernel.name,
        "pass": PASSES[each.backward],
        "layers": [layer.name for layer in _leader_first(each)],
        "seconds": each.seconds,
        "flops": each.flops,
    }


def _leader_first(each: KernelTime) -> list[LoweredLayer]:
    return sorted(each.layers, key=lambda layer: layer is not each.leader)
