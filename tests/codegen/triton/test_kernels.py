"""Every frame in the interpreter, in blocks of the usual size and in small ones, against the interpreter of the IR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tcaffe.codegen.triton import choices
from tests.codegen.triton.nets import EXAMPLE, NETS, OPS, lenet
from tests.codegen.triton.run import Arrays, Case, interpret

LENETS = {f"lenet of {batch}": lenet(batch) for batch in (1, 3, 4)}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Arrays]:
    """What came out of every op, every net, and every net cut into blocks as small as can be; all by one child."""
    folder = tmp_path_factory.mktemp("triton")

    def write(cases: Mapping[str, Case], label: str = "") -> dict[str, Path]:
        return {name + label: case.write(folder / (name + label)) for name, case in cases.items()}

    written = write(OPS | NETS)
    with blocks(BLOCK=128, ROW_BLOCK=32):
        written |= write(NETS, ", cut")
    with blocks(BLOCK=16384, PROGRAMS=1):  # the interpreter takes its time for each, however large
        written |= write(LENETS)
    return interpret(written)


@contextmanager
def blocks(**sizes: int) -> Iterator[None]:
    """Programs of other sizes than a GPU would get."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in sizes.items():
            patch.setattr(choices, name, size)
        yield


@pytest.mark.parametrize("name", OPS)
def test_ops(name: str, results: Mapping[str, Arrays]) -> None:
    OPS[name].check(results[name])


@pytest.mark.parametrize("name", NETS)
def test_nets(name: str, results: Mapping[str, Arrays]) -> None:
    NETS[name].check(results[name])


@pytest.mark.parametrize("name", NETS)
def test_nets_in_small_blocks(name: str, results: Mapping[str, Arrays]) -> None:
    NETS[name].check(results[f"{name}, cut"])


@pytest.mark.parametrize("name", LENETS)
def test_lenet(name: str, results: Mapping[str, Arrays]) -> None:
    LENETS[name].check(results[name])


def test_digits_are_recognised(results: Mapping[str, Arrays]) -> None:
    with np.load(EXAMPLE / "digits.npz") as digits:
        assert results["lenet of 4"]["prob"].argmax(1).tolist() == digits["labels"][:4].tolist()
