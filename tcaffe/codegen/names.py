"""Names and words from a net, made harmless: the only way by which they reach emitted source."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container

MAX_NAME = 48
MAX_COMMENT = 200
RESERVED = frozenset(
    (
        *("divmod", "enumerate", "float", "int", "len", "max", "min", "range", "slice", "zip"),
        *("np", "tl", "triton", "pool", "task", "run", "i", "worker"),
    )
)
"""Names that mean something in emitted code."""


def identifier(name: str, taken: Container[str] = ()) -> str:
    """A Python identifier like `name`, neither reserved nor in `taken`: letters, digits and _, of bounded length."""
    base = re.sub(r"_+", "_", re.sub(r"[^a-z0-9]", "_", name.lower())).strip("_")[:MAX_NAME].rstrip("_") or "value"
    if base[0].isdigit():
        base = f"v{base}"
    found, k = base, 1
    while found in taken or found in RESERVED or keyword.iskeyword(found) or keyword.issoftkeyword(found):
        k += 1
        found = f"{base}_{k}"
    return found


def comment(text: str) -> str:
    """`text` on one line of printable ASCII that can stand in a comment or a docstring and end neither."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in " ".join(text.split()))
    safe = plain.replace("\\", "/").replace('"', "'")
    return safe if len(safe) <= MAX_COMMENT else safe[: MAX_COMMENT - 3] + "..."
