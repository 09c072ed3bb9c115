"""The guard of Triton code: what kernels are made of passes, nothing else does."""

import pytest

from tcaffe.codegen.triton import emit
from tcaffe.runtime.gpu.canonical import canonical
from tcaffe.runtime.gpu.guard import check_kernels
from tcaffe.runtime.guard import GuardError
from tests.codegen.triton.nets import NETS, OPS
from tests.codegen.triton.run import program_of

HEAD = "import triton\nimport triton.language as tl\n\n@triton.jit\ndef k(x, B: tl.constexpr):\n    "


def test_everything_that_is_emitted_passes() -> None:
    for case in (NETS | OPS).values():
        emitted = emit(program_of(case.graph, case.passes, change=case.change))
        functions = check_kernels(emitted.source)
        for launch in (launch for launches in emitted.launches for launch in launches):
            assert len(functions[launch.function]) == len(launch.pointers) + len(launch.constants)


@pytest.mark.parametrize(
    "line",
    [
        "__import__('os')",
        "tl.core.builtins.open('x')",
        "x.__class__",
        "x.to.__globals__",
        "open('x')",
        "import os",
        "tl = x",
        "range = x",
        "(lambda: x)()",
        "[y for y in x]",
        "tl.inline_asm_elementwise('x')",
        "x = y",
    ],
)
def test_nothing_else_does(line: str) -> None:
    with pytest.raises(GuardError):
        check_kernels(HEAD + line + "\n")


@pytest.mark.parametrize("line", ["import os", "x = 1", "from triton import *", "class A: pass", "@k\ndef f(): pass"])
def test_beside_kernels_there_is_nothing(line: str) -> None:
    with pytest.raises(GuardError):
        check_kernels(HEAD + "pass\n" + line + "\n")


def test_kernels_that_do_the_same_are_one() -> None:
    one = HEAD + "y = tl.load(x)\n    tl.store(x, y)\n"
    other = one.replace("y =", "z =").replace(", y)", ", z)").replace("def k(x", "def j(data").replace("(x", "(data")
    assert canonical(one)["k"] == canonical(other)["j"]
