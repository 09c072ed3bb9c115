"""Tiles: the blocks that a product is cut into, and what each way to cut it is expected to take."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tcaffe.passes.tiles.chips import Chip
from tcaffe.passes.tiles.product import Product

PARTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
MAX_PARTS_BYTES = 1 << 26
"""Bytes of scratch memory in which the parts of a sum wait for each other."""
MAX_MIXED = 64 * 128
"""Elements of a block whose loads have an address for each element: more of them spill registers."""
START = 3e-6
"""Seconds from one kernel to the next: a launch out of a graph, filling and draining."""
STEP = 0.25e-6
"""Seconds that a step through the depth takes at least, where nothing else runs on its processor."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows, columns and depth of a program's block, its warps, how many steps are loaded ahead.

    `yields` is the share of a processor's rate that products in such blocks reach.
    """

    rows: int
    columns: int
    depth: int
    warps: int
    stages: int
    yields: float


HALF = (
    Tile(128, 128, 64, 8, 3, 0.75),
    Tile(128, 64, 64, 4, 3, 0.65),
    Tile(64, 128, 64, 4, 3, 0.65),
    Tile(64, 64, 64, 4, 4, 0.5),
    Tile(128, 32, 64, 4, 4, 0.4),
    Tile(64, 32, 64, 4, 4, 0.3),
    Tile(64, 16, 64, 4, 4, 0.2),
    Tile(32, 64, 64, 4, 4, 0.25),
    Tile(16, 64, 64, 4, 4, 0.15),
    Tile(16, 128, 64, 4, 4, 0.2),
    Tile(32, 32, 64, 4, 4, 0.15),
    Tile(16, 32, 64, 4, 4, 0.1),
    Tile(16, 16, 64, 4, 4, 0.05),
)
"""Blocks of 16-bit numbers. Below 64 rows an H100 falls back to the instructions of an A100."""
SINGLE = (
    Tile(128, 128, 32, 8, 3, 0.75),
    Tile(128, 64, 32, 8, 3, 0.65),
    Tile(64, 128, 32, 8, 3, 0.65),
    Tile(64, 64, 32, 4, 3, 0.5),
    Tile(128, 32, 32, 4, 3, 0.4),
    Tile(64, 32, 32, 4, 3, 0.3),
    Tile(64, 16, 32, 4, 3, 0.2),
    Tile(32, 64, 32, 4, 3, 0.25),
    Tile(16, 64, 32, 4, 3, 0.15),
    Tile(32, 32, 32, 4, 3, 0.15),
    Tile(16, 32, 32, 4, 3, 0.1),
    Tile(16, 16, 32, 4, 3, 0.05),
)
"""Blocks of 32-bit numbers that tensor cores multiply."""
EXACT = (
    Tile(128, 64, 16, 8, 3, 0.75),
    Tile(64, 64, 16, 4, 3, 0.65),
    Tile(64, 32, 16, 4, 3, 0.5),
    Tile(32, 64, 16, 4, 3, 0.5),
    Tile(32, 32, 16, 4, 3, 0.35),
    Tile(16, 64, 16, 4, 3, 0.3),
    Tile(64, 16, 16, 4, 3, 0.3),
    Tile(16, 32, 16, 4, 3, 0.2),
    Tile(16, 16, 16, 4, 3, 0.1),
)
"""Blocks of 32-bit numbers that are multiplied one by one."""
TILES = {"half": HALF, "tf32": SINGLE, "tf32x3": SINGLE, "ieee": EXACT}


@dataclass(frozen=True, slots=True)
class Cut:
    """A way to cut a product: into tiles, and the sum of each into `parts`. `seconds` is what it should take."""

    tile: Tile
    parts: int
    seconds: float


def best_cut(product: Product, chip: Chip, precision: str) -> Cut:
    """The cut that should take the least time."""
    return min(cuts(product, chip, precision), key=lambda cut: cut.seconds)


def cuts(product: Product, chip: Chip, precision: str) -> Iterator[Cut]:
    """Every cut worth a thought, with an estimate of its time."""
    bytes_each = product.apart * product.rows * product.columns * 4
    for tile in TILES[precision]:
        steps = product.steps(tile.depth)
        block = tile.rows * tile.columns
        if (product.mixed(tile.depth) and block > MAX_MIXED) or (precision != "half" and block > chip.block):
            continue
        for parts in PARTS:
            if parts == 1 or (parts <= steps and parts * bytes_each <= MAX_PARTS_BYTES):
                yield Cut(tile, parts, _seconds(product, tile, parts, chip, precision))


def _seconds(product: Product, tile: Tile, parts: int, chip: Chip, precision: str) -> float:
    """Waves of programs over the processors; each step of one multiplies, loads, and waits, whichever takes longest."""
    itemsize = 2 if precision == "half" else 4
    steps = -(-product.steps(tile.depth) // parts)
    programs = parts * product.blocks(tile.rows, tile.columns)
    rate = chip.products[precision] / chip.processors * tile.yields
    multiply = 2 * tile.rows * tile.columns * tile.depth / rate
    fed = min(chip.port, chip.cache / min(programs, chip.processors))
    load = (tile.rows + tile.columns) * tile.depth * itemsize / fed
    beside = min(-(-programs // chip.processors), 2)
    waves = math.ceil(programs / (chip.processors * beside))
    seconds = waves * steps * max(beside * multiply, beside * load, STEP)
    numbers = product.apart * product.rows * product.columns
    whole = itemsize * product.apart * (product.rows + product.columns) * product.depth / product.taps
    seconds = max(seconds, (whole + itemsize * numbers) / chip.memory)
    if parts > 1:
        seconds += START + 2 * parts * 4 * numbers / chip.cache
    return START + seconds
