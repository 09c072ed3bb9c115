from hypothesis import given
from hypothesis import strategies as st

from tcaffe.cli.fitting import largest_batch


@given(
    fixed=st.integers(0, 5000),
    item=st.integers(1, 500),
    bends=st.lists(st.integers(0, 300), max_size=20),
    limit=st.integers(0, 300_000),
)
def test_nothing_larger_fits_and_the_answer_does(fixed: int, item: int, bends: list[int], limit: int) -> None:
    def total(batch: int) -> int:
        return fixed + batch * item + sum(bends[:batch])

    found = largest_batch(total, limit)
    assert found == 0 or total(found) <= limit
    assert total(found + 1) > limit


def test_a_straight_line_takes_few_plans() -> None:
    asked = []

    def total(batch: int) -> int:
        asked.append(batch)
        return 1000 + 37 * batch

    assert largest_batch(total, 2**31) == (2**31 - 1000) // 37 if (2**31 - 1000) // 37 < 2**20 else 2**20
    assert len(asked) < 10


def test_a_batch_that_cannot_be_compiled_does_not_fit() -> None:
    assert largest_batch(lambda batch: 10 * batch if batch < 70 else None, 10_000) == 69
    assert largest_batch(lambda batch: None, 10_000) == 0
