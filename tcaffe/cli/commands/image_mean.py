"""`tcaffe image-mean`: what a net subtracts from the records of a database."""

from __future__ import annotations

import click

from tcaffe.cli import screen
from tcaffe.cli.command import command, json_option
from tcaffe.data.converting import mean_of
from tcaffe.data.database import backend_of, open_database
from tcaffe.frontend.weights import write_whole
from tcaffe.schema import caffe_pb2


@command
@click.argument("database")
@click.option("-o", "--output", metavar="FILE", help="Write the mean of every pixel as a .binaryproto file.")
@json_option
def image_mean(database: str, output: str | None, as_json: bool) -> None:
    """Compute the mean of all records of DATABASE, an LMDB or a LevelDB; tell that of each channel.

    \b
    tcaffe image-mean train_lmdb -o mean.binaryproto
    tcaffe image-mean train_lmdb --json

    A prototxt names the file as `mean_file`, or gives the numbers of the channels as `mean_value`.
    """
    records = open_database(database, backend_of(database))
    with screen.progress("averaging", len(records)) as meter:
        mean = mean_of(records, meter.advance)
    if output:
        channels, height, width = mean.shape
        blob = caffe_pb2.BlobProto(num=1, channels=channels, height=height, width=width, data=mean.ravel().tolist())
        write_whole(output, lambda staging: staging.write_bytes(blob.SerializeToString()))
    channels_means = mean.mean((1, 2), dtype="f8").tolist()
    if as_json:
        screen.write_json({"records": len(records), "shape": mean.shape, "channels": channels_means, "written": output})
        return
    told = "  ".join(f"mean_value: {value:.6g}" for value in channels_means)
    screen.show(screen.facts(("records", str(len(records))), ("shape", "x".join(map(str, mean.shape))), ("mean", told)))
    if output:
        screen.note(f"wrote {output}")
