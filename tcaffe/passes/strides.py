"""Strides of a reshaped view, where one exists."""

from __future__ import annotations

from itertools import pairwise


def reshaped_strides(shape: tuple[int, ...], strides: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides that show elements of `shape`, laid out by `strides`, row-major as `new`; None if none can.

    Axes of length 1 are ignored; runs of old and new axes that hold equally many elements are matched, and within a
    run the old axes must lie evenly spaced.
    """
    if 0 in shape:
        return tuple(0 for _ in new)
    found = _matched(shape, strides, new)
    if found is None:
        return None
    for axis in reversed(range(len(new))):  # axes of length 1 step over what lies inside them, as dense ones do
        if new[axis] == 1:
            found[axis] = found[axis + 1] * new[axis + 1] if axis + 1 < len(new) else min(strides, default=0)
    return tuple(found)


def _matched(shape: tuple[int, ...], strides: tuple[int, ...], new: tuple[int, ...]) -> list[int] | None:
    """The strides of the new axes, 0 for those of length 1."""
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    found: list[int] = []
    wanted = list(new)
    while wanted:
        if wanted[0] == 1:
            found.append(0)
            wanted.pop(0)
            continue
        if not old:
            return None
        old_run, new_run = [old.pop(0)], [wanted.pop(0)]
        count, target = old_run[0][0], new_run[0]
        while count != target:
            if count < target:
                if not old:
                    return None
                old_run.append(old.pop(0))
                count *= old_run[-1][0]
            else:
                if not wanted:
                    return None
                new_run.append(wanted.pop(0))
                target *= new_run[-1]
        if any(a[1] != b[0] * b[1] for a, b in pairwise(old_run)):
            return None
        step = old_run[-1][1]
        steps = []
        for n in reversed(new_run):
            steps.append(step)
            step *= n
        found += reversed(steps)
    return found
