"""The log, as pycaffe starts and writes it, on Python's own logging."""

from __future__ import annotations

import logging
import sys

LOGGER = logging.getLogger("tcaffe")
LEVELS = (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
"""Levels by the numbers glog gives them."""


def init_log(level: int = 0, to_stderr: bool = True) -> None:
    """Show messages from `level` on (0 info, 1 warning, 2 error, 3 fatal) on the error stream, or only pass them on.

    What passes on goes to the handlers the program itself has given Python's logging. Raises ValueError for another
    level.
    """
    if not 0 <= level < len(LEVELS):
        raise ValueError(f"levels go from 0 to {len(LEVELS) - 1}, not {level}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname).1s%(asctime)s %(process)d] %(message)s", "%m%d %H:%M:%S"))
    LOGGER.handlers[:] = [handler] if to_stderr else []
    LOGGER.setLevel(LEVELS[level])


def log(text: str) -> None:
    """Write a line of information."""
    LOGGER.info(text)
