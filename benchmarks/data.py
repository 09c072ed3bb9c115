"""Reading data: megabytes of pixels a second that data layers deliver, beside a plain loop over the same records."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import click
import lmdb
import numpy as np
from google.protobuf import text_format
from PIL import Image
from rich.table import Table

from benchmarks import machine, report
from tcaffe.data.ahead import ReadingFeed
from tcaffe.data.database import Writer
from tcaffe.data.datum import write_datum, write_encoded
from tcaffe.data.feed import WHOLE
from tcaffe.data.feeds import FEEDS
from tcaffe.schema import caffe_pb2

RESULTS = Path(__file__).parent / "results"
SIDE, CROP, BATCH = 256, 227, 32
MEAN = (104.0, 117.0, 123.0)
BYTES = 3 * SIDE * SIDE  # of pixels an image has
TRANSFORM = f"transform_param {{ crop_size: {CROP} mirror: true {' '.join(f'mean_value: {m}' for m in MEAN)} }}"


@dataclass(frozen=True)
class Source:
    """A layer that reads, and a plain loop that does the same, if there is one: it yields batches."""

    name: str
    layer: str
    plain: Callable[[], Iterator[np.ndarray]] | None = None


@click.command()
@click.option("--images", default=512, show_default=True, help="Images in each source.")
@click.option("--rounds", default=5, show_default=True, help="Rounds; in each, every reader has a turn.")
@click.option("--batches", default=48, show_default=True, help="Batches of a turn.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write  [default: one in benchmarks/results]")
def main(images: int, rounds: int, batches: int, out: Path | None) -> None:
    """Measure, print the table, and keep every figure as JSON."""
    date = datetime.now(UTC)
    console = report.wide()
    with tempfile.TemporaryDirectory() as folder, console.status("writing images"):
        rows = [measured(source, rounds, batches) for source in written(Path(folder), images)]
    run = {"date": date.isoformat(timespec="minutes"), "machine": machine.describe(), "rows": rows}
    path = out or RESULTS / f"data-{date:%Y%m%d-%H%M}.json"
    path.write_text(json.dumps(run, indent=1))
    console.print(_table(rows), f"\nEvery figure: {path}")


def written(folder: Path, images: int) -> list[Source]:
    """The same images as raw and as compressed records, and as files; smooth ones, as photographs are."""
    rng = np.random.default_rng(0)
    (folder / "files").mkdir()
    writers = {name: Writer(str(folder / name), kind) for name, kind in KINDS.items()}
    with open(folder / "list.txt", "w", encoding="utf-8") as listed:
        for k in range(images):
            small = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
            picture = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=90)
            (folder / "files" / f"{k}.jpg").write_bytes(file.getvalue())
            listed.write(f"{k}.jpg {k % 10}\n")
            raw = write_datum(np.asarray(picture)[:, :, ::-1].transpose(2, 0, 1), k % 10)
            for name, writer in writers.items():
                writer.put(b"%06d" % k, write_encoded(file.getvalue(), k % 10) if name == "jpeg" else raw)
                writer.commit()
    for name, writer in writers.items():
        writer.__exit__(None, None, None)
        shutil.copytree(folder / name, folder / f"plain {name}")  # a process can open an LMDB once
    image = f'source: "{folder}/list.txt" root_folder: "{folder}/files/" batch_size: {BATCH}'
    return [
        Source("raw, LMDB", _data(folder / "raw", "LMDB"), lambda: plain(folder / "plain raw")),
        Source("raw, LevelDB", _data(folder / "level", "LEVELDB")),
        Source("JPEG, LMDB", _data(folder / "jpeg", "LMDB"), lambda: plain(folder / "plain jpeg")),
        Source("JPEG, files", f'type: "ImageData" top: "data" top: "label" image_data_param {{ {image} }} {TRANSFORM}'),
    ]


KINDS = {"raw": "lmdb", "level": "leveldb", "jpeg": "lmdb"}


def _data(path: Path, backend: str) -> str:
    data = f'data_param {{ source: "{path}" backend: {backend} batch_size: {BATCH} }}'
    return f'type: "Data" top: "data" top: "label" {data} {TRANSFORM}'


def plain(path: Path) -> Iterator[np.ndarray]:
    """Batches as a loop makes them that one writes in a minute."""
    rng = np.random.default_rng(0)
    mean = np.array(MEAN, np.float32)[:, None, None]
    environment = lmdb.open(str(path), readonly=True, lock=False)
    while True:
        batch = []
        with environment.begin() as transaction:
            for _, value in transaction.cursor():
                datum = caffe_pb2.Datum.FromString(value)
                if datum.encoded:
                    pixels = np.asarray(Image.open(io.BytesIO(datum.data)))[:, :, ::-1].transpose(2, 0, 1)
                else:
                    pixels = np.frombuffer(datum.data, np.uint8).reshape(datum.channels, datum.height, datum.width)
                top, left = rng.integers(SIDE - CROP + 1, size=2)
                crop = pixels[:, top : top + CROP, left : left + CROP].astype(np.float32) - mean
                batch.append(crop[:, :, ::-1] if rng.integers(2) else crop)
                if len(batch) == BATCH:
                    yield np.stack(batch)
                    batch = []


def measured(source: Source, rounds: int, batches: int) -> dict[str, Any]:
    """MB/s and seconds of processor a GB: read ahead, read where it is needed, and by the plain loop, in turns."""
    layer = text_format.Parse(source.layer, caffe_pb2.LayerParameter())
    random = np.random.default_rng(0)
    feed = FEEDS[layer.type](layer, True, lambda: random, WHOLE)
    assert isinstance(feed, ReadingFeed)
    readers: dict[str, Iterator[object]] = {"ahead": _ahead(feed), "at once": _at_once(feed)}
    if source.plain:
        readers["plain"] = source.plain()
    speeds: dict[str, list[float]] = {name: [] for name in readers}
    costs: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, reader in readers.items():
            next(reader)
            start, processor = time.perf_counter(), time.process_time()
            for _ in range(batches):
                next(reader)
            size = batches * BATCH * BYTES
            speeds[name].append(size / (time.perf_counter() - start) / 1e6)
            costs[name].append((time.process_time() - processor) / (size / 1e9))
            if name == "ahead":
                feed.close()
    return {"source": source.name, "megabytes_per_second": speeds, "processor_seconds_per_gigabyte": costs}


def _ahead(feed: ReadingFeed[Any]) -> Iterator[object]:
    while True:
        yield feed.batch({})


def _at_once(feed: ReadingFeed[Any]) -> Iterator[object]:
    """Each batch made when it is asked for, in this thread."""
    position = 0
    while True:
        yield feed.made(position)
        position += BATCH


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("source", "read ahead", "at once", "plain loop", title="MB/s of pixels (seconds of processor a GB)")
    for row in rows:
        speeds, costs = row["megabytes_per_second"], row["processor_seconds_per_gigabyte"]
        cells = (
            f"{median(speeds[name]):.0f} ({median(costs[name]):.2f})" if name in speeds else "-"
            for name in ("ahead", "at once", "plain")
        )
        table.add_row(row["source"], *cells)
    return table


if __name__ == "__main__":
    main()
