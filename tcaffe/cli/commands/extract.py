"""`tcaffe extract`: the features of a net, for all of its data, in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from tcaffe.cli import feeding, screen
from tcaffe.cli.command import command, json_option
from tcaffe.cli.extracting import Extraction, Values, read_arrays
from tcaffe.cli.features import write_features_to
from tcaffe.cli.feeding import Preprocessing
from tcaffe.cli.options import NetQuery, feed_options, net_options, target_options, weights_option
from tcaffe.data.database import BACKENDS
from tcaffe.ir.target import Target


@command
@weights_option
@click.option("--blobs", required=True, metavar="A,B,...", help="What to write.")
@click.option("--batches", type=click.IntRange(1), metavar="N", help="How many batches; of files all if not given.")
@click.option("-o", "--output", required=True, metavar="FILE|DIR", help="A .npz or .h5 file, or a folder of databases.")
@click.option("--backend", type=click.Choice(BACKENDS), default="lmdb", show_default=True, help="The kind of database.")
@feed_options
@click.option("--mean", metavar="B,G,R|FILE", help="What to take from pixels: numbers, .npy or .binaryproto.")
@click.option("--scale", type=float, default=1.0, metavar="S", help="What to multiply pixels by, after the mean.")
@click.option("--rgb", is_flag=True, help="Feed images red first; Caffe's nets want blue first.")
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True,
              help="For what the net draws at random.")  # fmt: skip
@target_options()
@json_option
@net_options()
def extract(
    query: NetQuery, weights: Sequence[str], blobs: str, batches: int | None, output: str, backend: str,
    files: Sequence[tuple[str, str]], mean: str | None, scale: float, rgb: bool, seed: int, target: Target,
    as_json: bool,
) -> None:  # fmt: skip
    """Run NET on many inputs, and write what some of its blobs are.

    \b
    tcaffe extract imagenet_val.prototxt -w net.caffemodel --blobs fc7 --batches 100 -o fc7.h5
    tcaffe extract imagenet_val.prototxt -w net.caffemodel --blobs fc6,fc7 --batches 100 -o features/
    tcaffe extract deploy.prototxt -w net.caffemodel --blobs fc7 -i a.jpg -i b.jpg --mean 104,117,123 -o fc7.npz
    tcaffe extract deploy.prototxt -w net.caffemodel --blobs pool5 -i data=images.npy --batch 50 -o pool5.h5

    Inputs come from the net's data layers, or from files. A .npz file is kept in memory until the end; anything else is
    written as it comes. In a folder each blob has a database of its name; an item is a record of float32 numbers
    without a label, its key the item's number with ten digits.
    """
    names = list(dict.fromkeys(name for name in blobs.split(",") if name))
    if not files and batches is None:
        raise click.UsageError("data layers go on for ever: say how many batches with --batches")
    if not files and (query.shapes or query.batch):
        raise click.UsageError("what data layers read has a shape already: it cannot be chosen here")
    work = Extraction(query, weights, names, target, seed)
    if files:
        arrays = read_arrays(query, files, Preprocessing(feeding.read_mean(mean) if mean else (), scale, rgb))
        found = work.from_arrays(arrays, batches)
    else:
        found = work.from_data(batches or 0)
    if not weights:
        screen.note("no weights: the parameters are as their fillers make them")
    shapes = write_features_to(Path(output), counted(found, batches), backend)
    if as_json:
        screen.write_json({"written": output, "blobs": shapes, "diagnostics": []})
        return
    made = screen.table("blob", "shape")
    for name, shape in shapes.items():
        screen.row(made, name, "x".join(map(str, shape)))
    screen.show(made, "", screen.facts(("wrote", output)))


def counted(batches: Iterator[Values], total: int | None) -> Iterator[Values]:
    """The batches, with a bar that counts them."""
    with screen.progress("extracting", total) as meter:
        for values in batches:
            yield values
            meter.advance()
