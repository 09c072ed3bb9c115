"""`tcaffe compile`: a net to fused kernels with every byte planned, and what became of its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from tcaffe.cli import screen, units
from tcaffe.cli.building import Built, Planned, build
from tcaffe.cli.command import command, json_option
from tcaffe.cli.cost import flops
from tcaffe.cli.draw.flow import algorithm, shape_of
from tcaffe.cli.options import NetQuery, net_options, request_options, shape_options, target_options, weights_option
from tcaffe.cli.origins import by_type
from tcaffe.compiler import write_dumps
from tcaffe.diagnostics import printable
from tcaffe.frontend.lower import LoweredLayer
from tcaffe.ir.program import Kernel
from tcaffe.ir.target import Target
from tcaffe.request import Request
from tcaffe.runtime.gpu.ahead import compile_ahead
from tcaffe.runtime.gpu.binary import Binary


@command
@weights_option
@shape_options
@request_options
@target_options()
@click.option("-o", "--output", metavar="DIR", help="Save a bundle, which runs where there is only numpy.")
@click.option("--dump-ir", metavar="DIR", help="Write the graph as text after every pass.")
@click.option("--source", metavar="FILE", help="Write the emitted source.")
@click.option("--kernels", is_flag=True, help="List the kernels too, a line each.")
@json_option
@net_options()
def compile(
    query: NetQuery, weights: Sequence[str], request: Request, target: Target,
    output: str | None, dump_ir: str | None, source: str | None, kernels: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compile NET, and show what became of it: layers, kernels, memory, time.

    \b
    tcaffe compile deploy.prototxt --weights net.caffemodel
    tcaffe compile deploy.prototxt --weights net.caffemodel -o net.bundle
    tcaffe compile deploy.prototxt --batch 16 --outputs fc7,prob
    tcaffe compile deploy.prototxt --dump-ir ir/ --source kernels.py
    tcaffe compile train_val.prototxt --phase TRAIN --gradients

    Without weights the parameters start as their fillers say: enough to see what the compiler does, not to run.
    """
    built = build(query, weights, request=request, target=target)
    binaries = ahead(built, target) if target.ahead else []
    written = write_all(built, output, dump_ir, source)
    if as_json:
        told = [asdict(b.facts) for b in binaries]
        said = [d.json() for d in built.warnings]
        screen.write_json({**described(built), "binaries": told, "written": written, "diagnostics": said})
        return
    screen.complain(built.warnings)
    screen.show(headline(built), layer_table(built), "")
    if kernels:
        screen.show(kernel_table(built), "")
    if binaries:
        screen.show(binary_table(built, binaries), "")
    files = [("wrote" if k == 0 else "", path) for k, path in enumerate(written)]
    screen.show(screen.facts(*memory_facts(built), ("time", times(built.clock.laps)), *files))


def write_all(built: Built, output: str | None, dump_ir: str | None, source: str | None) -> list[str]:
    """Write what the user wants to keep; the paths written."""
    written = []
    if output:
        built.executable.save(output)
        written.append(output)
    if dump_ir:
        texts = {name: built.executable.dump(name) for name in built.executable.dumps}
        written += [str(path) for path in write_dumps(texts, Path(dump_ir))]
    if source:
        Path(source).write_text(built.executable.source, encoding="utf-8")
        written.append(source)
    return written


def headline(net: Planned) -> str:
    """The change in one line."""
    layers, kernels = len(net.lowered.layers), len(net.program.kernels)
    return f"{printable(net.program.name)}: {units.plural(layers, 'layer')} -> {units.plural(kernels, 'kernel')}\n"


def layer_table(net: Planned) -> Table:
    """A line a layer type: how many layers, how many kernels, and where the other layers went."""
    made = screen.table("layer type", ">layers", ">kernels", "the other layers")
    for line in by_type(net.origins):
        screen.row(made, line.type, line.layers, line.kernels, line.others)
    screen.row(made, "all", len(net.lowered.layers), len(net.program.kernels), "", style="bold")
    return made


def kernel_table(net: Planned) -> Table:
    """A line a kernel."""
    made = screen.table("kernel", "layers", "algorithm", "output", ">FLOP", ">stores", ">scratch")
    for kernel, words in zip(net.program.kernels, net.origins.words(), strict=True):
        work = flops(kernel.nodes)
        scratch = sum(s.type.nbytes for s in kernel.scratch)
        screen.row(
            made, kernel.name, " + ".join(words), algorithm(kernel), " ".join(map(shape_of, kernel.outputs)),
            units.count(work) if work else "", units.bytes_(sum(v.type.nbytes for v in kernel.outputs)),
            units.bytes_(scratch) if scratch else "",
        )  # fmt: skip
    return made


def ahead(built: Built, target: Target) -> list[Binary]:
    """The binaries of all launches, compiled while the user watches; raises CompileError."""
    with screen.progress("compiling kernels") as meter:

        def say(ready: int, count: int) -> None:
            meter.say(f"compiling kernels: {ready} of {count}")

        executable = built.executable
        return compile_ahead(executable.manifest, executable.source, target.architecture, target.workers, say)


def binary_table(built: Built, binaries: Sequence[Binary]) -> Table:
    """A line a launch: what it takes of a GPU."""
    columns = (">programs", ">warps", ">registers", ">spilled", ">shared", ">tensor ops", ">seconds")
    made = screen.table("function", *columns)
    launches = [launch for call in built.executable.manifest.calls for launch in call.launches]
    for launch, binary in zip(launches, binaries, strict=True):
        facts = binary.facts
        screen.row(
            made, launch.function, f"{launch.programs:,}", facts.warps, facts.registers, units.bytes_(facts.spilled),
            units.bytes_(facts.shared), facts.tensor, facts.seconds,
        )  # fmt: skip
    spilled = sum(1 for b in binaries if b.facts.spilled)
    screen.row(
        made, f"{len(launches)} launches, {len(set(map(id, binaries)))} kinds", "", "",
        max(b.facts.registers for b in binaries), f"{spilled} kernels", "", "", "", style="bold",
    )  # fmt: skip
    return made


def memory_facts(net: Planned) -> list[tuple[str, str]]:
    """The arena against a buffer for each blob, its certificate, and the weights."""
    plan = net.plan
    saved = f", {units.ratio(plan.naive, plan.size)} less" if plan.naive > 1.1 * plan.size else ""
    return [
        ("memory", f"{units.bytes_(plan.naive)} in blobs -> {units.bytes_(plan.size)} arena{saved}"),
        ("", f"lower bound {units.bytes_(plan.lower_bound)}: {plan.certificate}"),
        ("weights", units.bytes_(net.weight_bytes)),
    ]


def times(laps: Mapping[str, float]) -> str:
    """What took how long."""
    parts = [f"{step} {units.seconds(time)}" for step, time in laps.items()]
    return f"{units.seconds(sum(laps.values()))} ({', '.join(parts)})"


def described(built: Built) -> dict[str, Any]:
    """The result as plain values; sizes are bytes, times seconds."""
    plan, program = built.plan, built.program
    return {
        "name": program.name,
        "layers": len(built.lowered.layers),
        "kernels": [_kernel(k, layers) for k, layers in zip(program.kernels, built.origins.by_kernel, strict=True)],
        "types": [asdict(line) for line in by_type(built.origins)],
        "inputs": {node.name: list(node.shape) for node in program.inputs},
        "outputs": {name: list(node.shape) for name, node in program.outputs.items()},
        "naive": plan.naive,
        "arena": plan.size,
        "lower_bound": plan.lower_bound,
        "certificate": plan.certificate,
        "weights": built.weight_bytes,
        "seconds": built.clock.laps,
    }


def _kernel(kernel: Kernel, layers: Sequence[LoweredLayer]) -> dict[str, Any]:
    return {
        "name": kernel.name,
        "layers": [layer.name for layer in layers],
        "algorithm": algorithm(kernel),
        "flops": flops(kernel.nodes),
        "outputs": {value.name: list(value.shape) for value in kernel.outputs},
    }
