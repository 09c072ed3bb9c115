"""Numbers for people: bytes, counts, times; and the sizes people type."""

from __future__ import annotations

import re

BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
DECIMAL = ("", " K", " M", " G", " T", " P")
SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgtp]?)(i?)b?", re.IGNORECASE)


def plural(number: int, noun: str) -> str:
    """A number of things: `1 layer`, `2 layers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def bytes_(size: int) -> str:
    """A size in memory: `640 B`, `7.23 MiB`; the binary units, as one MiB of memory is 2^20 bytes."""
    return f"{size} B" if size < 1024 else _scaled(size, 1024, BINARY, " ")


def count(number: int) -> str:
    """How many: `999`, `1.82 G`; decimal units, three digits."""
    return str(number) if number < 1000 else _scaled(number, 1000, DECIMAL, "")


def seconds(time: float) -> str:
    """A duration: `12.3 ms`, `1.50 s`, `2 min 5 s`."""
    if time >= 120:
        return f"{int(time) // 60} min {int(time) % 60} s"
    for limit, factor, unit in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms")):
        if time < limit * 0.9995:
            return f"{_three_digits(time * factor)} {unit}"
    return f"{_three_digits(time)} s"


def percent(part: float, whole: float) -> str:
    """`part` as a share of `whole`: `37.5 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def ratio(big: float, small: float) -> str:
    """How many times `small` goes into `big`: `4.7x`."""
    return f"{_three_digits(big / small)}x" if small else "-"


def parse_bytes(text: str) -> int:
    """The bytes that `2GiB`, `512 MB` (decimal), `1.5g` (binary) or `1048576` stand for; raises ValueError."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a size such as 512MiB, 2GiB or 1048576")
    number, letter, binary = match.groups()
    power = " kmgtp".index(letter.lower() or " ")
    base = 1000 if text.strip()[-1] in "bB" and not binary else 1024
    return int(float(number) * base**power)


def _scaled(number: float, base: int, names: tuple[str, ...], gap: str) -> str:
    """`number` in the largest unit that leaves at least one before the point; 1023.9 MiB does not print as 1024."""
    power = 0
    while power + 1 < len(names) and number >= base - 0.5:
        number, power = number / base, power + 1
    return f"{_three_digits(number)}{gap}{names[power]}"


def _three_digits(number: float) -> str:
    """Three significant digits, never fewer before the point."""
    for digits, limit in ((2, 9.995), (1, 99.95)):
        if number < limit:
            return f"{number:.{digits}f}"
    return f"{number:.0f}"
