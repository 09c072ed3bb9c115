"""`tcaffe plan`: the memory a net will take, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from tcaffe.cli import screen, units
from tcaffe.cli.building import Planned, planned
from tcaffe.cli.command import command, json_option
from tcaffe.cli.commands.compile import memory_facts
from tcaffe.cli.fitting import largest_batch
from tcaffe.cli.instances import read_instance, write_instance
from tcaffe.cli.options import NetQuery, net_options, request_options, shape_option, size_given, target_options, warn
from tcaffe.diagnostics import CompileError
from tcaffe.ir.target import Target
from tcaffe.passes.planner import Problem, check
from tcaffe.passes.planner import plan as place
from tcaffe.request import Request

BATCHES = re.compile(r"\d{1,7}(,\d{1,7})*")


def _batches(ctx: click.Context, option: click.Parameter, value: str | None) -> list[int]:
    if value is not None and (not BATCHES.fullmatch(value) or "0" in value.split(",")):
        raise click.BadParameter(f"'{value}' is not a list of batches such as 1,2,4")
    return [int(part) for part in value.split(",")] if value else []


@command
@shape_option
@click.option(
    "--batch", "batches", callback=_batches, metavar="N,N,...", help="Batches to plan for; several make a table."
)
@click.option(
    "--memory-limit",
    "limit",
    callback=size_given,
    metavar="SIZE",
    help="Find the largest batch that fits, weights included.",
)
@request_options
@target_options()
@click.option("-o", "--output", metavar="FILE", help="Write the plan as a CSV file: id,lower,upper,size,offset.")
@click.option("--csv", "instance", metavar="FILE", help="Plan for the buffers of a CSV file instead of a net's.")
@click.option("--capacity", callback=size_given, metavar="SIZE", help="With --csv: the bytes there are.")
@json_option
@click.pass_context
@net_options(required=False)
def plan(
    ctx: click.Context, query: NetQuery | None, batches: Sequence[int], limit: int | None,
    request: Request, target: Target, output: str | None, instance: str | None,
    capacity: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Tell the memory NET will take, before anything runs: the arena, its lower bound, and what lives at the peak.

    \b
    tcaffe plan deploy.prototxt
    tcaffe plan deploy.prototxt --batch 1,2,4,8,16
    tcaffe plan deploy.prototxt --memory-limit 2GiB
    tcaffe plan --csv instance.csv --capacity 1048576 -o solution.csv

    A compiled net takes its arena and its weights, and nothing else. No plan can be below the lower bound, the bytes
    that are live at once at the busiest time. Sizes may be given as 2GiB, 512MB or 1048576. Exit status 1 if nothing
    fits.
    """
    if (query is None) == (instance is None):
        raise click.UsageError("give a NET, or a file of buffers with --csv")
    if query is None:
        fits = plan_instance(Path(str(instance)), capacity, output, as_json)
    elif limit is not None:
        fits = show_largest(query, limit, request, target, as_json)
    else:
        fits = True
        show_plans(query, batches, request, target, output, as_json)
    if not fits:
        ctx.exit(1)


def show_plans(
    query: NetQuery, batches: Sequence[int], request: Request, target: Target,
    output: str | None, as_json: bool,
) -> None:  # fmt: skip
    """One plan at length, or several in a table."""
    if output and len(batches) > 1:
        raise click.UsageError("--output writes one plan: give one batch")
    asked: list[int | None] = [*batches] or [None]
    nets = []
    with screen.progress("planning", len(asked)) as meter:
        for batch in asked:
            nets.append(planned(query.lower(batch=batch), request, target))
            meter.advance()
    if output:
        buffers = [(b.name, b.start, b.end, b.size) for b in nets[0].plan.buffers]
        Path(output).write_text(write_instance(buffers, nets[0].plan.offsets), encoding="utf-8")
    if as_json:
        plans = [described(net, batch) for net, batch in zip(nets, asked, strict=True)]
        screen.write_json({"plans": plans, "diagnostics": [d.json() for d in nets[0].lowered.warnings]})
        return
    warn(nets[0].lowered)
    if len(nets) == 1:
        screen.show(screen.facts(*memory_facts(nets[0]), ("both", units.bytes_(nets[0].program.nbytes))), "")
        screen.show(*peak_table(nets[0]))
    else:
        screen.show(batch_table(list(zip(batches, nets, strict=True))))


def show_largest(
    query: NetQuery, limit: int, request: Request, target: Target, as_json: bool
) -> bool:
    """Find the largest batch that fits, and say what it takes; whether there is one."""
    nets: dict[int, Planned | None] = {}

    def take(batch: int) -> int | None:
        if batch not in nets:
            meter.say(f"planning for a batch of {batch}")
            nets[batch] = plan_if_possible(query, batch, request, target)
        net = nets[batch]
        return None if net is None else net.program.nbytes

    with screen.progress("planning") as meter:
        best = largest_batch(take, limit)
    tried = [(batch, net) for batch, net in sorted(nets.items()) if net is not None]
    if as_json:
        plans = [described(net, batch) for batch, net in tried]
        screen.write_json({"limit": limit, "batch": best, "plans": plans, "diagnostics": []})
        return best > 0
    if best:
        screen.show(f"a batch of {best} fits in {units.bytes_(limit)}\n")
    else:
        screen.show(f"nothing fits in {units.bytes_(limit)}, not even a batch of 1\n")
    screen.show(batch_table([(batch, net) for batch, net in tried if batch in (1, best, best + 1)]))
    return best > 0


def plan_if_possible(query: NetQuery, batch: int, request: Request, target: Target) -> Planned | None:
    """The plan for a batch; None if the blobs would be too large for any machine. A batch of 1 must be possible."""
    try:
        return planned(query.lower(batch=batch), request, target)
    except CompileError:
        if batch == 1:
            raise
        return None


def plan_instance(path: Path, capacity: int | None, output: str | None, as_json: bool) -> bool:
    """Plan for the buffers of a file; whether they fit into the capacity."""
    problem = Problem(read_instance(path), alignment=1)
    with screen.progress("planning"):
        found = place(problem, capacity=capacity)
        check(problem, found.offsets)
    if output:
        buffers = [(b.name, b.start, b.end, b.size) for b in problem.buffers]
        Path(output).write_text(write_instance(buffers, found.offsets), encoding="utf-8")
    fits = capacity is None or found.size <= capacity
    if as_json:
        screen.write_json(
            {"buffers": len(problem.buffers), "size": found.size, "lower_bound": found.lower_bound,
             "certificate": str(found.certificate), "capacity": capacity, "fits": fits, "diagnostics": []}
        )  # fmt: skip
        return fits
    facts = [
        ("buffers", f"{len(problem.buffers):,}"),
        ("size", f"{found.size:,} bytes"),
        ("lower bound", f"{found.lower_bound:,} bytes: {found.certificate}"),
    ]
    if capacity is not None:
        facts.append(("capacity", f"{capacity:,} bytes: {'it fits' if fits else 'found no plan that fits'}"))
    screen.show(screen.facts(*facts))
    return fits


def batch_table(nets: Sequence[tuple[int, Planned]]) -> Table:
    """A line a batch."""
    made = screen.table(">batch", ">arena", ">an item", ">weights", ">both", "certificate")
    for batch, net in nets:
        sizes = (net.plan.size, net.plan.size // batch, net.weight_bytes, net.program.nbytes)
        screen.row(made, batch, *map(units.bytes_, sizes), net.plan.certificate)
    return made


def peak_table(net: Planned) -> tuple[str, Table]:
    """Where most bytes are live, and which."""
    plan, kernels, peak = net.plan, net.program.kernels, net.plan.peak
    made = screen.table("buffer", ">bytes", ">of the arena", ">offset", "live from", "to")
    live = [b for b in plan.buffers if b.start <= peak < b.end]
    for b in sorted(live, key=lambda b: (-b.size, b.offset)):
        life = [kernels[t].name if t < len(kernels) else "the end" for t in (b.start, b.end - 1)]
        screen.row(made, b.name, units.bytes_(b.size), units.percent(b.size, plan.size), f"{b.offset:#x}", *life)
    where = f"kernel {peak} of {len(kernels)}, {kernels[peak].name}" if kernels else "no kernel"
    return f"the peak: {where}\n", made


def described(net: Planned, batch: int | None) -> dict[str, Any]:
    """A plan as plain values; sizes are bytes."""
    plan = net.plan
    return {
        "batch": batch,
        "naive": plan.naive,
        "arena": plan.size,
        "lower_bound": plan.lower_bound,
        "certificate": plan.certificate,
        "weights": net.weight_bytes,
        "total": net.program.nbytes,
        "peak": net.program.kernels[plan.peak].name if net.program.kernels else None,
        "kernels": [kernel.name for kernel in net.program.kernels],
        "buffers": [asdict(b) for b in plan.buffers],
    }
