"""`tcaffe check`: the compiled net against the reference interpreter, blob by blob."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from tcaffe.cli import feeding, screen, units
from tcaffe.cli.building import load_weights
from tcaffe.cli.command import command, json_option
from tcaffe.cli.comparing import Checking, Verdict
from tcaffe.cli.feeding import Preprocessing
from tcaffe.cli.options import NetQuery, feed_options, net_options, target_options, warn, weights_option
from tcaffe.cli.sampling import random_inputs, random_parameters
from tcaffe.ir.target import Target


@command
@weights_option
@feed_options
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True, help="For random numbers.")
@click.option(
    "--rtol",
    type=float,
    metavar="X",
    default=1e-4,
    show_default=True,
    help="The error allowed, over the largest value.",
)
@click.option("--reference", type=click.Choice(["f64", "f32"]), default="f64", help="How the reference computes.")
@click.option("--all", "show_all", is_flag=True, help="List every blob with its error.")
@target_options()
@json_option
@click.pass_context
@net_options()
def check(
    ctx: click.Context, query: NetQuery, weights: Sequence[str], files: Sequence[tuple[str, str]], seed: int,
    rtol: float, reference: str, show_all: bool, target: Target, as_json: bool,
) -> None:  # fmt: skip
    """Compare what NET is compiled to with a slow, obviously right program, and name the first blob that differs.

    \b
    tcaffe check deploy.prototxt --batch 1
    tcaffe check deploy.prototxt --weights net.caffemodel --input data=cat.jpg
    tcaffe check deploy.prototxt --rtol 1e-5 --all

    The net is compiled twice: once with every blob kept, which tells where a difference begins, and once as it really
    runs. Without weights and files, both programs get the same random ones. Exit status 1 if they differ.
    """
    lowered = query.lower()
    fed = feeding.read_inputs(files, feeding.slots_of_net(lowered), Preprocessing())
    if changed := {name: array.shape for name, array in fed.items() if array.shape != lowered.blobs[name].shape}:
        lowered = query.lower(changed)
    warn(lowered, as_json=as_json)
    parameters = load_weights(lowered, weights)[0] if weights else random_parameters(lowered, seed)
    checking = Checking(lowered, parameters, {**random_inputs(lowered, seed), **fed}, rtol, target)
    verdict = checking.verdict(wide=reference == "f64")
    if as_json:
        screen.write_json(described(verdict))
    else:
        show_verdict(verdict, show_all)
    if verdict.first:
        ctx.exit(1)


def show_verdict(verdict: Verdict, show_all: bool) -> None:
    """Say what was found."""
    if show_all:
        made = screen.table("blob", "layer", ">error")
        for found in verdict.kept:
            style = "" if found.error <= verdict.tolerance else "red"
            screen.row(made, found.blob, found.layer, f"{found.error:.1e}", style=style)
        screen.show(made, "")
    if verdict.first is None:
        worst = max((*verdict.kept, *verdict.fused), key=lambda d: d.error, default=None)
        most = (
            f"; the largest error is {worst.error:.1e}, in {worst.blob} ({verdict.tolerance:g} allowed)"
            if worst
            else ""
        )
        screen.show(f"the same: {units.plural(len(verdict.kept), 'blob')}, and the outputs as they really run{most}")
        return
    first = verdict.first
    later = sum(not d.error <= verdict.tolerance for d in verdict.kept)
    how = (
        f"{later} of {len(verdict.kept)} blobs differ"
        if later
        else "only where other blobs are not kept: fusion is at fault"
    )
    screen.show(
        screen.facts(
            ("DIFFERENT", how),
            ("first blob", first.blob),
            ("layer", f"{first.layer} ({first.source})" if first.source else first.layer),
            ("error", f"{first.error:.1e} of the largest value, {verdict.tolerance:g} allowed"),
            (
                "worst at",
                f"[{','.join(map(str, first.place))}]: {first.got:.7g}, the reference has {first.expected:.7g}",
            ),
        )
    )


def described(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain values."""
    return {
        "same": verdict.first is None,
        "first": asdict(verdict.first) if verdict.first else None,
        "blobs": [asdict(d) for d in verdict.kept],
        "outputs": [asdict(d) for d in verdict.fused],
        "rtol": verdict.tolerance,
        "diagnostics": [],
    }
