"""`tcaffe convert-images`: image files as a database that a Data layer reads."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import click
import numpy as np

from tcaffe.cli import screen, units
from tcaffe.cli.command import command, json_option
from tcaffe.data.converting import Conversion, converted
from tcaffe.data.database import BACKENDS, Writer
from tcaffe.data.listed import Listed, read_list
from tcaffe.diagnostics import CompileError, Diagnostic

COMMIT = 1000  # records that are written at once


def _size(ctx: click.Context, option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """(height, width) of WIDTHxHEIGHT."""
    if value is None:
        return None
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) <= 65536 and 0 < int(height) <= 65536):
        raise click.BadParameter(f"{value!r} is not WIDTHxHEIGHT, such as 256x256")
    return int(height), int(width)


@command
@click.argument("folder")
@click.argument("source", metavar="LIST")
@click.argument("database")
@click.option("--backend", type=click.Choice(BACKENDS), default="lmdb", show_default=True, help="The kind of database.")
@click.option("--resize", callback=_size, metavar="WIDTHxHEIGHT", help="Scale every image to this size.")
@click.option("--gray", is_flag=True, help="One channel instead of three.")
@click.option("--encoded", is_flag=True, help="Keep images compressed: as their files are where that will do.")
@click.option("--encode-type", metavar="KIND", help="Compress images as png, jpg, ...; implies --encoded.")
@click.option("--check-size", is_flag=True, help="Refuse an image whose pixels are not as many as the first's.")
@click.option("--shuffle", is_flag=True, help="Write in a random order.")
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", show_default=True, help="For --shuffle.")
@click.option("--skip-unreadable", is_flag=True, help="Leave images out that cannot be read.")
@click.option("--threads", type=click.IntRange(1, 256), metavar="N", help="Threads; one for each core if not given.")
@json_option
def convert_images(
    folder: str, source: str, database: str, backend: str, resize: tuple[int, int] | None, gray: bool, encoded: bool,
    encode_type: str | None, check_size: bool, shuffle: bool, seed: int, skip_unreadable: bool, threads: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Write the images that LIST names, a line `path label` each with paths in FOLDER, to DATABASE.

    \b
    tcaffe convert-images photos/ train.txt train_lmdb --resize 256x256 --shuffle
    tcaffe convert-images photos/ train.txt train_lmdb --encoded
    tcaffe convert-images / list.txt gray_db --gray --backend leveldb

    Records come in the order of the list, their keys are its numbers and paths. An image that cannot be read ends the
    command, and leaves no database behind, unless it may be skipped.
    """
    start = time.perf_counter()
    images = read_list(source)
    if shuffle:
        images = [images[k] for k in np.random.default_rng(seed).permutation(len(images))]
    conversion = Conversion(gray, resize, encode_type if encode_type else "" if encoded else None)
    prefix = folder if not folder or folder.endswith("/") else f"{folder}/"
    with Writer(database, backend) as target:
        stored, skipped = _write(target, conversion, prefix, images, check_size, threads or os.cpu_count() or 1)
        if skipped and not skip_unreadable:
            raise CompileError(skipped)
        if not stored:
            raise CompileError([*skipped, Diagnostic("E0619", f"not one image of `{source}` can be read")])
    seconds = time.perf_counter() - start
    if as_json:
        screen.write_json({"database": database, "records": stored, "skipped": [d.json() for d in skipped]})
        return
    screen.complain(skipped)
    rate = f"{units.plural(stored, 'record')} in {seconds:.1f} s, {stored / seconds:.0f}/s"
    screen.note(f"{database}: {rate}{f', {len(skipped)} skipped' if skipped else ''}")


def _write(
    target: Writer, conversion: Conversion, folder: str, images: Sequence[Listed], same_size: bool, threads: int
) -> tuple[int, list[Diagnostic]]:
    """Write all images; how many were, and what is wrong with the others."""
    skipped: list[Diagnostic] = []
    stored, first = 0, None
    with screen.progress("converting", len(images)) as meter:
        for number, (image, made) in enumerate(converted(conversion, folder, images, threads)):
            meter.advance()
            note = f"line {image.line} of the list"
            if isinstance(made, OSError):
                skipped.append(Diagnostic("E0608", f"`{folder}{image.path}` cannot be converted: {made}", note=note))
                continue
            first = made.numbers if first is None else first
            if same_size and made.numbers != first:
                message = f"`{folder}{image.path}` has {made.numbers} numbers, the first image {first}"
                raise CompileError([Diagnostic("E0617", message, note=note)])
            target.put(f"{number:08d}_{image.path}".encode("utf-8", "surrogateescape"), made.record)
            stored += 1
            if stored % COMMIT == 0:
                target.commit()
    return stored, skipped
