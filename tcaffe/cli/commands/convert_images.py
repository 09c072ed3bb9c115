"""`tcaffe convert-images`: a database of the images that a list names."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from tcaffe.cli import screen, units
from tcaffe.cli.command import command, json_option
from tcaffe.cli.options import workers_option
from tcaffe.compiler import default_workers
from tcaffe.data.converting import Conversion, Summary, convert, told
from tcaffe.data.database import BACKENDS
from tcaffe.data.image import LARGEST, decode_image, encode_image
from tcaffe.data.listed import Listed, read_list

SIZE = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})")
SIZES_SHOWN = 3


@command
@click.argument("root", metavar="ROOTFOLDER")
@click.argument("source", metavar="LISTFILE")
@click.argument("path", metavar="DB")
@click.option("--gray", is_flag=True, help="Read the images as gray ones.")
@click.option("--resize", metavar="WxH", help="Scale all images to this width and height.")
@click.option("--resize-width", type=click.IntRange(0), default=0, metavar="W", help="The same, as two options.")
@click.option("--resize-height", type=click.IntRange(0), default=0, metavar="H")
@click.option("--check-size", is_flag=True, help="Refuse images that have not the size of the first.")
@click.option("--shuffle", is_flag=True, help="Store the images in a random order.")
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", show_default=True, help="For the order.")
@click.option("--backend", type=click.Choice(BACKENDS), default="lmdb", show_default=True, help="The kind of database.")
@click.option("--encoded", is_flag=True, help="Store image files instead of pixels.")
@click.option("--encode-type", default="", metavar="png|jpg|...", callback=lambda ctx, option, kind: _kind(kind),
              help="Store files of this kind; otherwise they keep theirs.")  # fmt: skip
@click.option("--skip-unreadable", is_flag=True, help="Images that cannot be read are no failure.")
@workers_option
@json_option
def convert_images(
    root: str, source: str, path: str, gray: bool, resize: str | None, resize_width: int, resize_height: int,
    check_size: bool, shuffle: bool, seed: int, backend: str, encoded: bool, encode_type: str, skip_unreadable: bool,
    workers: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Make DB, a new database, of the images that LISTFILE names: `path label`, a line each.

    \b
    tcaffe convert-images images/ train.txt train_lmdb --resize 256x256 --shuffle
    tcaffe convert-images images/ train.txt train_lmdb --encoded
    tcaffe convert-images faces/ list.txt faces_db --gray --encode-type png --backend leveldb

    ROOTFOLDER is put before each path as it is: it ends with a slash. Images that cannot be read are left out and told
    in the end; the database is complete but for them, the exit status 1 unless --skip-unreadable is given. After any
    other error, or Ctrl-C, there is no database.

    With --encoded, files that need no scaling and have the right kind are stored byte for byte, also gray ones among
    colours, or with --gray, coloured ones: `force_color` and `force_gray` of transform_param say how they are read.
    """
    size = _size(resize, resize_width, resize_height)
    conversion = Conversion(root, gray, size, encoded or bool(encode_type), encode_type)
    images = read_list(source)
    if shuffle:
        images = [images[k] for k in np.random.default_rng(seed).permutation(len(images))]
    if Path(root).is_dir() and not root.endswith(("/", os.sep)):
        screen.note(f"`{root}` is put before the paths as it is; did you mean `{root}/`?")
    start = time.perf_counter()
    with screen.progress("converting", len(images)) as meter:
        summary = convert(
            images, conversion, path, backend, source=source, one_size=check_size,
            threads=workers or default_workers(), done=meter.advance,
        )  # fmt: skip
    _show(summary, source, time.perf_counter() - start, skip_unreadable, as_json)
    if gray and summary.copied:
        screen.note(f"{units.plural(summary.copied, 'file')} stored as they are: `force_gray` reads them as gray ones")
    if summary.skipped and not skip_unreadable:
        click.get_current_context().exit(1)
