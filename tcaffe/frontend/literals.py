"""What literals of the protobuf text format stand for: numbers and quoted strings."""

from __future__ import annotations

import re

_SIGN = re.compile(r"-(?:[ \t\r\n\v\f]|#[^\n]*\n)*")
_INTEGER = re.compile(r"0[xX][0-9A-Fa-f]+|[0-9]+")
_WORDS = {"inf": float("inf"), "infinity": float("inf"), "nan": float("nan")}
_MOST_DIGITS = 40  # no 64-bit number is longer; a number with more is only ever out of range

_LITERAL = re.compile(r""""([^"\\\n]*(?:\\.[^"\\\n]*)*)"|'([^'\\\n]*(?:\\.[^'\\\n]*)*)'""")
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_LETTERS = dict(zip("abfnrtv?\\'\"", b"\a\b\f\n\r\t\v?\\'\"", strict=True))
_QUOTED = [chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in range(256)]
for _letter in "ntr\\\"":
    _QUOTED[_LETTERS[_letter]] = f"\\{_letter}"


class EscapeError(ValueError):
    """A string holds an escape that stands for nothing; `offset` counts from the start of its literals."""

    def __init__(self, escape: str, offset: int) -> None:
        super().__init__(escape)
        self.escape, self.offset = escape, offset


def integer(raw: str) -> int | None:
    """The value of a decimal, hexadecimal or octal number, None if it is none of these."""
    sign, digits = _signed(raw)
    if not _INTEGER.fullmatch(digits):
        return None
    if len(digits) > _MOST_DIGITS:
        return sign << 4 * _MOST_DIGITS
    return sign * int(digits, 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10)


def real(raw: str) -> float | None:
    """The value of a decimal number, infinity or nan; None for hexadecimal and octal ones."""
    sign, digits = _signed(raw)
    if (word := _WORDS.get(digits.lower())) is not None:
        return sign * word
    if _INTEGER.fullmatch(digits) and digits[0] == "0" != digits:
        return None
    try:
        return sign * float(digits.rstrip("fF"))
    except ValueError:
        return None


def unquote(raw: str) -> bytes:
    """The bytes that adjacent string literals stand for; raises EscapeError."""
    if "\\" not in raw and raw.count(raw[0]) == 2 and raw[-1] == raw[0]:
        return _encoded(raw[1:-1])
    return b"".join(_unescaped(m[1] or m[2] or "", m.start() + 1) for m in _LITERAL.finditer(raw))


def quote(value: str | bytes) -> str:
    """A string literal that stands for `value`: printable ASCII, everything else escaped byte by byte."""
    data = value.encode() if isinstance(value, str) else value
    return '"' + "".join(_QUOTED[byte] for byte in data) + '"'


def _signed(raw: str) -> tuple[int, str]:
    """The sign of a number, and what follows it."""
    return (-1, raw[_SIGN.match(raw).end() :]) if raw[0] == "-" else (1, raw)  # type: ignore[union-attr]


def _unescaped(body: str, offset: int) -> bytes:
    """The bytes of one literal without its quotes; `offset` is where it starts."""
    parts, at = [], 0
    for match in _ESCAPE.finditer(body):
        parts += [_encoded(body[at : match.start()]), _escaped(match, offset)]
        at = match.end()
    return b"".join([*parts, _encoded(body[at:])])


def _escaped(match: re.Match[str], offset: int) -> bytes:
    """The bytes of one escape."""
    octal, hexadecimal, short, long, letter = match.groups()
    if octal and int(octal, 8) < 256:
        return bytes([int(octal, 8)])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if (point := short or long) and int(point, 16) < 0x110000 and not 0xD800 <= int(point, 16) < 0xE000:
        return chr(int(point, 16)).encode()
    if letter in _LETTERS:
        return bytes([_LETTERS[letter]])
    raise EscapeError(match[0], offset + match.start())


def _encoded(text: str) -> bytes:
    """UTF-8, with the bytes that were not UTF-8 in the file as they were there."""
    return text.encode("utf-8", "surrogateescape")
