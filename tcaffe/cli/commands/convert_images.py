"""`tcaffe convert-images`: a database of the images that a list names."""

from __future__ import annotations

import io
import os
import re
import time
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
from tcaffe.data.listed import read_list

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
        screen.note(f"`{path}` is written without what was skipped; --skip-unreadable makes that no failure")
        click.get_current_context().exit(1)


def _kind(kind: str) -> str:
    """A kind of image file that can be written and read; raises BadParameter."""
    kind = kind.lower().removeprefix(".")
    try:
        if kind:
            decode_image(io.BytesIO(encode_image(np.zeros((3, 16, 16), np.uint8), kind)))
    except (OSError, ImportError) as error:
        raise click.BadParameter(f"'{kind}' cannot be written and read: {error}") from error
    return kind


def _size(text: str | None, width: int, height: int) -> tuple[int, int] | None:
    """The height and width to scale to, given in one of two ways; raises UsageError."""
    if bool(width) != bool(height):
        raise click.UsageError("--resize-width and --resize-height go together")
    if text is not None:
        found = SIZE.fullmatch(text)
        if not found or width:
            raise click.BadParameter("the size is given twice" if found else f"'{text}' is not a size such as 256x256",
                                     param_hint="--resize")  # fmt: skip
        width, height = int(found[1]), int(found[2])
    if width * height > LARGEST:
        raise click.UsageError(f"images of {width}x{height} pixels are too large: at most {LARGEST} pixels")
    return (height, width) if width else None


def _show(summary: Summary, source: str, seconds: float, skip_unreadable: bool, as_json: bool) -> None:
    """What was written, and what was not and why, in the order of the list's lines."""
    left_out = sorted(summary.skipped, key=lambda skipped: skipped.image.line)
    diagnostics = [told(skipped, source, "warning" if skip_unreadable else "error") for skipped in left_out]
    if as_json:
        screen.write_json({
            "records": summary.records, "bytes": summary.nbytes, "stored_as_they_are": summary.copied,
            "shapes": [{"shape": shape, "records": count} for shape, count in summary.shapes.most_common()],
            "skipped": len(left_out), "seconds": seconds, "diagnostics": [d.json() for d in diagnostics],
        })  # fmt: skip
        return
    screen.complain(diagnostics)
    screen.show(screen.facts(
        ("records", str(summary.records)),
        ("bytes", units.bytes_(summary.nbytes)),
        ("sizes", _sizes(summary)),
        ("skipped", str(len(left_out))),
        ("speed", f"{units.count(round((summary.records + len(left_out)) / seconds))} images/s"),
    ))  # fmt: skip


def _sizes(summary: Summary) -> str:
    """The shapes of the pictures, those of most first."""
    shapes = [f"{'x'.join(map(str, shape))} ({count})" for shape, count in summary.shapes.most_common(SIZES_SHOWN)]
    more = len(summary.shapes) - len(shapes)
    return ", ".join(shapes) + (f" and {more} more: `--resize WxH` makes all of one size" if more else "")
