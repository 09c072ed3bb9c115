"""Greedy placement: one buffer after the other, each into a gap between those placed before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcaffe.passes.planner.problem import Problem

Offsets = np.ndarray
"""A place for every buffer: int64 [buffers]."""


def orders(problem: Problem) -> Iterator[np.ndarray]:
    """Seven orders to place buffers in, each good at what others are bad at; ties by position.

    Those that begin where memory is scarce come first: they reach the bound of most nets, and of most nets that learn.
    """
    size, start, end = problem.columns
    life, load = (end - start).astype(float), problem.loads
    area = size * life
    for key in (
        (load, area),
        (load, size),
        (load, life),
        (size, life),
        (area,),
        (size * np.sqrt(life),),
        (life, size),
    ):
        rising = np.lexsort([-rank for rank in reversed(key)])
        yield rising[np.isin(rising, problem.matter)]


def place(problem: Problem, order: np.ndarray, *, best_fit: bool, limit: int) -> Offsets | None:
    """Offsets of the buffers in `order`, each at the lowest gap that holds it, or the tightest one if `best_fit`.

    None as soon as one reaches `limit` bytes or more. What is placed is kept by offset, so that the gaps a buffer has
    to choose from are found by a few operations on arrays.
    """
    offsets = np.zeros(len(problem.buffers), np.int64)
    low, high, born, dead = shelf = np.empty((4, len(order)), np.int64)
    sizes, starts, ends = problem.columns.tolist()
    for count, i in enumerate(order.tolist()):
        size, start, end = sizes[i], starts[i], ends[i]
        beside = (born[:count] < end) & (dead[:count] > start)
        offset = _gap(low[:count][beside], high[:count][beside], size, best_fit)
        if offset + size >= limit:
            return None
        at = low[:count].searchsorted(offset)
        shelf[:, at + 1 : count + 1] = shelf[:, at:count]
        shelf[:, at] = offset, offset + size, start, end
        offsets[i] = offset
    return offsets


def _gap(low: np.ndarray, high: np.ndarray, size: int, best_fit: bool) -> int:
    """Where `size` bytes are free between stretches from `low`, which rises, to `high`; above all if nowhere else."""
    if not len(low):
        return 0
    top = np.maximum.accumulate(high)
    room = low.copy()
    room[1:] -= top[:-1]
    fits = np.flatnonzero(room >= size)
    if not len(fits):
        return int(top[-1])
    at = fits[room[fits].argmin()] if best_fit else fits[0]
    return int(low[at] - room[at])


def height(problem: Problem, offsets: Offsets) -> int:
    """Bytes from 0 to the end of the highest buffer that is ever live."""
    return int((offsets + problem.columns[0])[problem.matter].max(initial=0))
