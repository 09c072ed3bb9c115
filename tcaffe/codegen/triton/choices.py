"""How much of a kernel one program does, and by how many warps: the numbers a cost model has to better."""

from __future__ import annotations

PROGRAMS = 264
"""Programs that keep a GPU busy: two for each of the 132 processors of an H100."""
BLOCK = 1024
"""Elements of a program that works element by element: eight a thread, two loads of 16 bytes each."""
ROW_BLOCK = 2048
"""Elements of a program that works row by row, where rows are shorter than that."""
MAX_ROW = 16384
"""Elements of the longest row that fits into the registers of a program."""


def flat_block(count: int, grain: int = 1) -> tuple[int, int]:
    """Elements and warps of a program, of `count` elements in all; `grain` times as many where programs are costly."""
    block = BLOCK
    while block > 128 and count < PROGRAMS * block:
        block //= 2
    return min(block * grain, max(block, power_of_two(count))), 4


def row_block(rows: int, columns: int, grain: int = 1) -> tuple[int, int, int]:
    """Rows, columns (rounded up to a power of two) and warps of a program."""
    across = power_of_two(columns)
    down = max(1, min(ROW_BLOCK * grain // across, power_of_two(rows)))
    return down, across, max(4, min(16, across * down // 512))


def power_of_two(count: int) -> int:
    """The smallest power of two that is not below `count`."""
    return 1 << max(count - 1, 0).bit_length()
