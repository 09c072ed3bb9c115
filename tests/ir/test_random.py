"""Random numbers: Philox as its authors published it, and what the op promises of every element."""

from __future__ import annotations

import numpy as np
import pytest

from tcaffe.ir import ops
from tcaffe.ir.ops.random import philox, words_of
from tcaffe.ir.types import IRError

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (PI[:4], PI[4:], (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_gives_the_published_answers(counter, key, expected):
    columns = np.array([counter, counter]).T
    assert philox(columns, key).T.tolist() == [list(expected)] * 2


def numbers(seed=7, step=0, stream=0, shape=(1000,)):
    return ops.random.reference(np.array([seed, step]), shape=shape, stream=stream)


def test_an_element_is_a_word_of_its_block():
    words = philox(np.array([[2], [5], [3], [1]]), words_of(-7))
    assert numbers(-7, 3 + 2**32, 5)[8:12].tolist() == [int(w) // 256 / 2**24 for w in words[:, 0]]


def test_the_shape_only_arranges_the_numbers():
    np.testing.assert_array_equal(numbers(shape=(3, 5, 7)).ravel(), numbers(shape=(200,))[:105])
    assert numbers(shape=()).shape == ()


def test_seed_step_and_stream_give_other_numbers_each_time():
    drawn = [numbers(), numbers(seed=8), numbers(seed=7 + 2**32), numbers(step=1), numbers(step=-1), numbers(stream=1)]
    correlations = np.corrcoef(drawn)
    assert np.abs(correlations - np.eye(len(drawn))).max() < 0.15
    np.testing.assert_array_equal(numbers(), numbers())


def test_numbers_are_uniform():
    drawn = numbers(shape=(400, 500))
    assert drawn.dtype == np.float32
    assert drawn.min() >= 0 and drawn.max() < 1
    counts = np.histogram(drawn, 50, (0, 1))[0]
    assert ((counts - 4000) ** 2 / 4000).sum() < 100  # chi-square, 49 degrees of freedom: p about 2e-5


def test_a_key_is_two_whole_numbers():
    with pytest.raises(IRError, match=r"random takes a key i64\[2\]"):
        ops.random(ops.input_(shape=(2,), name="key"), shape=(3,), stream=0)
