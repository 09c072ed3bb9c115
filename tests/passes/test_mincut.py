"""Minimum cuts against trying every choice."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from tcaffe.passes.mincut import cheapest_cut

Choice = tuple[dict[int, int], dict[int, tuple[int, ...]], list[int]]


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """Costs, operands with smaller numbers, and what is needed, of up to seven values."""
    count = draw(st.integers(1, 7))
    costs = {v: draw(st.integers(0, 9)) for v in range(count)}
    operands = {v: tuple(draw(st.sets(st.integers(0, v - 1), max_size=3))) if v else () for v in range(count)}
    return costs, operands, draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True))


def enough(kept: set[int], operands: dict[int, tuple[int, ...]], needed: list[int]) -> bool:
    """Whether all that are needed can be computed from what is kept."""
    there: set[int] = set()
    for value, before in operands.items():
        if value in kept or (before and there.issuperset(before)):
            there.add(value)
    return there.issuperset(needed)


@given(choices())
@settings(max_examples=300, deadline=None)
def test_nothing_cheaper_is_enough(choice: Choice) -> None:
    costs, operands, needed = choice
    kept = cheapest_cut(costs, operands, needed)
    subsets = chain.from_iterable(combinations(costs, n) for n in range(len(costs) + 1))
    least = min(sum(costs[v] for v in s) for s in subsets if enough(set(s), operands, needed))
    assert enough(kept, operands, needed)
    assert sum(costs[v] for v in kept) == least


def test_a_long_chain_is_kept_where_it_is_narrow() -> None:
    costs = {k: 5 + abs(k - 3000) for k in range(5000)}
    operands = {k: (k - 1,) if k else () for k in range(5000)}
    assert cheapest_cut(costs, operands, [4999]) == {3000}
