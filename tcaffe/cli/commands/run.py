"""`tcaffe run`: a net or a bundle on files or on random numbers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from tcaffe.cli import feeding, screen, units
from tcaffe.cli.building import build
from tcaffe.cli.command import command, json_option
from tcaffe.cli.feeding import Preprocessing, Slot
from tcaffe.cli.options import NetQuery, feed_options, net_options, outputs_option, target_options, weights_option
from tcaffe.cli.results import best_classes, is_scores, read_labels, write_npz
from tcaffe.cli.sampling import random_inputs, random_value
from tcaffe.diagnostics import CompileError, Diagnostic, printable
from tcaffe.ir.target import Target
from tcaffe.request import Request
from tcaffe.runtime.executable import Executable, load

Values = dict[str, np.ndarray]
Files = Sequence[tuple[str, str]]
ITEMS_SHOWN = 8  # of a batch, one by one


@dataclass(frozen=True)
class Ready:
    """An executable and what to feed it; `random` names the inputs that no file feeds."""

    executable: Executable
    inputs: Values
    random: tuple[str, ...]


@command
@weights_option
@feed_options
@outputs_option
@click.option("-o", "--output", metavar="FILE", help="Write the outputs as a .npz file.")
@click.option(
    "--top", type=click.IntRange(0), metavar="N", default=5, show_default=True, help="How many classes to show."
)
@click.option("--labels", metavar="FILE", help="The names of the classes, a line each, such as synset_words.txt.")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="Run N times, and tell the times.")
@click.option("--mean", metavar="B,G,R|FILE", help="What to take from pixels: numbers, .npy or .binaryproto.")
@click.option("--scale", type=float, default=1.0, metavar="S", help="What to multiply pixels by, after the mean.")
@click.option("--rgb", is_flag=True, help="Feed images red first; Caffe's nets want blue first.")
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True, help="For random inputs.")
@target_options()
@json_option
@net_options()
def run(
    query: NetQuery, weights: Sequence[str], files: Files, outputs: Sequence[str] | None, output: str | None,
    top: int, labels: str | None, repeat: int, mean: str | None, scale: float, rgb: bool, seed: int,
    target: Target, as_json: bool,
) -> None:  # fmt: skip
    """Run NET, a prototxt or a saved bundle, and show its outputs.

    \b
    tcaffe run deploy.prototxt -w net.caffemodel -i cat.jpg --mean 104,117,123 --labels synset_words.txt
    tcaffe run deploy.prototxt --input data=1x3x512x512
    tcaffe run net.bundle --input data=batch.npy --output scores.npz
    tcaffe run net.bundle --repeat 20

    A prototxt is compiled for the shape of what it is fed: three images make a batch of three. Inputs that no file
    feeds get random numbers. Images are scaled to the size of the input; pixels are from 0 to 255 before --mean and
    --scale.
    """
    prepare = Preprocessing(feeding.read_mean(mean) if mean else (), scale, rgb)
    names = read_labels(labels) if labels else []
    if Path(query.path).is_dir():
        if weights or outputs or query.shapes or query.batch:
            raise click.UsageError("a bundle has its weights, outputs and shapes already: they cannot be chosen here")
        ready = ready_bundle(query.path, files, prepare, seed)
    else:
        ready = ready_net(query, weights, outputs, target, files, prepare, seed)
    if ready.random:
        screen.note(f"random numbers for {', '.join(ready.random)}")
    results, seconds = timed(ready.executable, ready.inputs, repeat)
    if output:
        write_npz(Path(output), results)
    if as_json:
        screen.write_json(_described(ready, results, seconds, top, names))
        return
    show_results(results, top, names)
    screen.show(screen.facts(("time", _times(ready.inputs, seconds)), *([("wrote", output)] if output else [])))


def ready_net(
    query: NetQuery, weights: Sequence[str], outputs: Sequence[str] | None, target: Target,
    files: Files, prepare: Preprocessing, seed: int,
) -> Ready:  # fmt: skip
    """A net, compiled for the shapes of what it is fed."""
    lowered = query.lower()
    slots = feeding.slots_of_net(lowered)
    fed = feeding.read_inputs(files, slots, prepare)
    if any(slot.name in fed and fed[slot.name].shape != slot.shape for slot in slots):
        lowered = query.lower({name: array.shape for name, array in fed.items()}, _batch(slots, fed))
    built = build(query, weights, lowered=lowered, request=Request(outputs), target=target)
    screen.complain(built.warnings)
    if not weights and lowered.parameters:
        screen.note("no weights: the parameters are as their fillers make them")
    values = {**random_inputs(lowered, seed), **fed}
    wanted = built.executable.manifest.inputs
    return Ready(built.executable, {n: values[n] for n in wanted}, tuple(n for n in wanted if n not in fed))


def ready_bundle(path: str, files: Files, prepare: Preprocessing, seed: int) -> Ready:
    """A bundle, whose shapes are fixed."""
    executable = load(path)
    slots = feeding.slots_of_bundle(executable.manifest)
    fed = feeding.read_inputs(files, slots, prepare)
    for slot in slots:
        if slot.name in fed and fed[slot.name].shape != slot.shape:
            raise CompileError([_misfit(slot, fed[slot.name].shape)])
    values = {s.name: fed[s.name] if s.name in fed else random_value(s.name, s.shape, s.dtype, seed) for s in slots}
    return Ready(executable, values, tuple(slot.name for slot in slots if slot.name not in fed))


def timed(executable: Executable, inputs: Mapping[str, np.ndarray], repeat: int) -> tuple[Values, list[float]]:
    """The outputs, and the seconds of each run. With several runs one more goes before them, to warm up."""
    seconds = []
    with screen.progress("running", repeat) as meter:
        if repeat > 1:
            executable(**inputs)
        for _ in range(repeat):
            start = time.perf_counter()
            results = executable(**inputs)
            seconds.append(time.perf_counter() - start)
            meter.advance()
    return results, seconds


def show_results(results: Mapping[str, np.ndarray], top: int, names: Sequence[str]) -> None:
    """The range of every output, and the best classes of those that look like scores."""
    made = screen.table("output", "shape", ">least", ">mean", ">most")
    for name, value in results.items():
        screen.row(made, name, "x".join(map(str, value.shape)) or "scalar", *(f"{n:.4g}" for n in _range(value)))
    screen.show(made, "")
    for name, value in results.items():
        if top and is_scores(value):
            screen.show(top_table(name, value, top, names), "")


def top_table(name: str, value: np.ndarray, top: int, names: Sequence[str]) -> Any:
    """The best classes of each item of a batch."""
    made = screen.table(">item", ">class", f">{name}", *(["label"] if names else []))
    for item, best in enumerate(best_classes(value, top)[:ITEMS_SHOWN]):
        for rank, (index, score) in enumerate(best):
            label = [names[index] if index < len(names) else ""] if names else []
            screen.row(made, item if rank == 0 else "", index, f"{score:.4f}", *label)
    if len(value) > ITEMS_SHOWN:
        screen.row(made, "...", "", "", *([""] if names else []))
    return made


def _batch(slots: Sequence[Slot], fed: Mapping[str, np.ndarray]) -> int | None:
    """The batch for inputs that are not fed: that of those that are, where all inputs had one batch before."""
    before = {slot.shape[0] for slot in slots if slot.shape}
    now = {array.shape[0] for array in fed.values() if array.ndim}
    return now.pop() if len(before) == 1 and len(now) == 1 else None


def _misfit(slot: Slot, shape: tuple[int, ...]) -> Diagnostic:
    note = "a bundle is compiled for one shape; compile the prototxt anew for another"
    return Diagnostic("E0611", f"input `{slot.name}` is {list(slot.shape)}, it was given {list(shape)}", note=note)


def _range(value: np.ndarray) -> tuple[float, float, float]:
    if not value.size:
        return (float("nan"),) * 3
    return float(value.min()), float(value.mean()), float(value.max())


def _times(inputs: Mapping[str, np.ndarray], seconds: Sequence[float]) -> str:
    middle = statistics.median(seconds)
    items = max((array.shape[0] for array in inputs.values() if array.ndim), default=1)
    rate = f"{items / middle:,.1f} items/s"
    if len(seconds) == 1:
        return f"{units.seconds(middle)} for the first run, {rate}"
    spread = f"{units.seconds(min(seconds))} to {units.seconds(max(seconds))}"
    return f"{units.seconds(middle)} in the median of {len(seconds)} runs, {spread}, {rate}"


def _described(
    ready: Ready, results: Values, seconds: Sequence[float], top: int, names: Sequence[str]
) -> dict[str, Any]:
    """The result as plain values."""
    outputs = {}
    for name, value in results.items():
        least, mean, most = _range(value)
        outputs[name] = {"shape": list(value.shape), "dtype": value.dtype.name, "min": least, "mean": mean, "max": most}
        if top and is_scores(value):
            outputs[name]["top"] = [
                [{"class": i, "score": s, "label": printable(names[i]) if i < len(names) else None} for i, s in best]
                for best in best_classes(value, top)
            ]
    return {"outputs": outputs, "random": ready.random, "seconds": list(seconds), "diagnostics": []}
