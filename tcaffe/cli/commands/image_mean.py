"""`tcaffe image-mean`: the mean image of a database."""

from __future__ import annotations

import click

from tcaffe.cli import screen, units
from tcaffe.cli.command import command, json_option
from tcaffe.cli.options import workers_option
from tcaffe.compiler import default_workers
from tcaffe.data.database import backend_of, open_database
from tcaffe.data.mean import mean_of
from tcaffe.frontend.weights import write_blob


@command
@click.argument("path", metavar="DB")
@click.option("-o", "--output", metavar="FILE", help="Write the mean of every pixel as a .binaryproto.")
@workers_option
@json_option
def image_mean(path: str, output: str | None, workers: int | None, as_json: bool) -> None:
    """Work out the mean of the images in DB, an LMDB or a LevelDB, and show it channel by channel.

    \b
    tcaffe image-mean train_lmdb -o mean.binaryproto
    tcaffe image-mean train_lmdb --json

    All images must have the same size. FILE is for `mean_file` of a net's transform_param, and the line printed for
    whoever subtracts one number a channel instead; channels are in the order of the records, blue first.
    """
    database = open_database(path, backend_of(path))
    with screen.progress("adding up", len(database)) as meter:
        mean = mean_of(database, workers or default_workers(), meter.advance)
    if output is not None:
        write_blob(output, mean[None])
    channels = [float(value) for value in mean.mean((1, 2))]
    if as_json:
        screen.write_json({
            "records": len(database), "shape": mean.shape, "channel_means": channels, "written": output,
        })  # fmt: skip
        return
    table = screen.table("channel", ">mean")
    for number, value in enumerate(channels):
        screen.row(table, number, f"{value:.6g}")
    screen.show(table)
    screen.show("transform_param { " + " ".join(f"mean_value: {value:.6g}" for value in channels) + " }")
    written = f", mean written to {output}" if output else ""
    screen.note(f"{units.plural(len(database), 'record')} of {'x'.join(map(str, mean.shape))}{written}")
