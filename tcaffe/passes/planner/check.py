"""The checker: no two buffers that live at one time overlap. It shares nothing with what places them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from tcaffe.passes.planner.problem import Buffer, Problem


class OverlapError(AssertionError):
    """A placement is wrong: the message names both buffers."""


def check(problem: Problem, offsets: Mapping[str, int]) -> None:
    """Raise OverlapError unless every buffer is aligned and apart from all others alive with it.

    A sweep over time: at each moment the live buffers, sorted by offset, must follow one another.
    """
    for b in problem.buffers:
        if offsets[b.name] < 0 or offsets[b.name] % problem.alignment:
            raise OverlapError(f"{b.name} lies at {offsets[b.name]}, which is not aligned to {problem.alignment}")
    born: dict[int, list[Buffer]] = {}
    for b in problem.buffers:
        if b.size and b.end > b.start:
            born.setdefault(b.start, []).append(b)
    live: list[Buffer] = []
    for time in sorted(born):
        live = [b for b in live if b.end > time] + born[time]
        live.sort(key=lambda b: offsets[b.name])
        for below, above in pairwise(live):
            if offsets[below.name] + below.size > offsets[above.name]:
                raise OverlapError(f"{below.name} and {above.name} overlap at time {time}")
