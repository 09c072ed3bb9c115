"""The guard: kernels pass, everything else is named and refused before any of it runs."""

import pytest

from tcaffe.runtime.guard import GuardError, check_source, load_functions
from tests.runtime import tiny


def kernel(*lines):
    """A source with one kernel of these lines."""
    body = "\n    ".join(lines)
    return f"import numpy as np\n\n\ndef k(pool, x, y):\n    {body}\n"


def test_kernels_pass():
    assert load_functions(tiny.SOURCE, "tiny").keys() == {"hidden", "out"}


@pytest.mark.parametrize(
    "line, says",
    [
        ("__import__('os')", "a string|__import__"),
        ("__import__", "the name __import__"),
        ("import os", "Import is not used"),
        ("from os import path", "ImportFrom is not used"),
        ("np.os.system(x)", "np.os.system"),
        ("np.load(x)", "np.load"),
        ("np.lib.stride_tricks.as_strided(x, (9, 9))", "as_strided"),
        ("np.add.__class__(x)", "np.add.__class__"),
        ("x.tofile(y)", ".tofile"),
        ("x.__class__", ".__class__"),
        ("x.shape = (1, 2)", "an assignment to .shape"),
        ("pool._threads", "pool._threads"),
                ("np = x", "a new meaning of np"),
        ("range = x", "a new meaning of range"),
        ("for np in range(3): pass", "a new meaning of np"),
        ("x[0] = 'abc'", "a string"),
        ("np.add(x, y, out='abc')", "a string"),
        ("np.add(x, y, **y)", "a call with"),
        ("np.add(*x)", "Starred is not used"),
        ("(lambda: 0)()", "a call of something without a name|Lambda"),
        ("[i for i in range(3)]", "ListComp is not used"),
        ("while True: pass", "While is not used"),
        ("x[0] = 9 ** 9 ** 9", "Pow is not used"),
        ("x[0] = 1 << 99999999", "LShift is not used"),
        ("for i in x: pass", "a loop over something else"),
        ("f'{x}'", "JoinedStr is not used"),
        ("global z", "Global is not used"),
        ("try: pass\n    finally: pass", "Try is not used"),
        ("with x: pass", "With is not used"),
        ("del x", "Delete is not used"),
        ("y = np", "the name np by itself"),
        ("def g(i, worker=x): pass", "by position"),
        ("def g(i, *, worker): pass", "by position"),
        ("def g(i, /): pass", "by position"),
        ("def g(*i): pass", "by position"),
        ("def g(i: x) -> y: pass", "an annotation"),
        ("@pool.run\n    def g(i): pass", "a decorator"),
        ("class C: pass", "ClassDef is not used"),
        ("print(x := 1)", "NamedExpr is not used"),
        ("await x", "Await is not used|not Python"),
    ],
)
def test_what_no_kernel_needs(line, says):
    with pytest.raises(GuardError, match=says):
        check_source(kernel(line))


@pytest.mark.parametrize(
    "source, says",
    [
        ("import os\n", "Import beside the kernels"),
        ("import numpy as os\n", "Import beside the kernels"),
        ("import numpy as np, os\n", "Import beside the kernels"),
        ("np.load(1)\n", "Expr beside the kernels"),
        ("x = 1\n", "Assign beside the kernels"),
        ("def f(:\n", "not Python: SyntaxError"),
        ("x\0y", "not Python"),
        ("(" * 10_000, "not Python"),
        ("x = " + "-" * 100_000 + "1", "not Python|beside"),
    ],
)
def test_what_does_not_stand_beside_kernels(source, says):
    with pytest.raises(GuardError, match=says):
        check_source(source)


@pytest.mark.parametrize("name", ["open", "eval", "getattr", "print", "Exception", "vars"])
def test_builtins_are_out_of_reach(name):
    functions = load_functions(kernel(f"return {name}(x)"), "test")
    with pytest.raises(NameError, match=name):
        functions["k"](None, 1, 2)


def test_the_scope_of_a_kernel_holds_no_way_out():
    function = load_functions(kernel("return x"), "test")["k"]
    with pytest.raises(GuardError, match="import os"):
        function.__globals__["__builtins__"]["__import__"]("os")
