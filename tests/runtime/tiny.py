"""A net of two kernels, small enough to be written by hand: hidden = relu(data . w + b), out = sum of each row."""

import numpy as np

from tcaffe.ir.program import Buffer, MemoryPlan
from tcaffe.runtime.executable import Executable
from tcaffe.runtime.manifest import Call, Manifest, Parameter, View

NUMPY_BUFFERS = 2 * 3 * 8192 * 4 + 50_000  # bytes: what numpy may need for itself, a ufunc in each of two threads

SOURCE = '''"""Kernels of tiny."""

import numpy as np


def hidden(pool, data, hidden_w, hidden_b, out_hidden):
    """hidden: dot, bias, relu over [4,3]"""
    half = len(data) // 2

    def task(i, worker):
        rows = slice(i * half, (i + 1) * half)
        out = out_hidden[rows]
        np.matmul(data[rows], hidden_w, out=out)
        np.add(out, hidden_b, out=out)
        np.maximum(out, 0, out=out)

    def run():
        pool.run(task, 2)

    return run


def out(pool, hidden, out):
    """out: sum over axis 1"""

    def run():
        np.add.reduce(hidden, axis=1, out=out)

    return run
'''


def manifest(rows: int = 4) -> Manifest:
    """The manifest of `rows` rows of three numbers, five hidden."""
    data, hidden, out = rows * 12, rows * 20, rows * 4
    return Manifest(
        name="tiny",
        target="cpu",
        workers=2,
        inputs=("data",),
        outputs={"sum": "out"},
        views=(
            View("data", "float32", (rows, 3), (12, 4), hidden),
            View("hidden", "float32", (rows, 5), (20, 4), 0),
            View("out", "float32", (rows,), (4,), hidden),
        ),
        params=(Parameter("hidden.w", "float32", (3, 5), 0), Parameter("hidden.b", "float32", (5,), 64)),
        calls=(
            Call("hidden", ("data",), ("hidden.w", "hidden.b"), ("hidden",)),
            Call("out", ("hidden",), (), ("out",)),
        ),
        plan=MemoryPlan(
            size=hidden + data,
            lower_bound=hidden + data,
            certificate="optimal",
            naive=data + hidden + out,
            buffers=(
                Buffer("data", data, 0, 1, hidden),
                Buffer("hidden", hidden, 0, 2),
                Buffer("out", out, 1, 3, hidden),
            ),
        ),
    )


def weights() -> dict[str, np.ndarray]:
    """Parameters with small whole numbers, so that results are exact."""
    return {
        "hidden.w": np.arange(15, dtype=np.float32).reshape(3, 5) - 7,
        "hidden.b": np.array([1, 0, -1, 2, 0], np.float32),
    }


def executable(rows: int = 4) -> Executable:
    """The net, ready to run."""
    return Executable(manifest(rows), SOURCE, weights())


def expected(data: np.ndarray) -> np.ndarray:
    """What the net computes."""
    w = weights()
    return np.maximum(data @ w["hidden.w"] + w["hidden.b"], 0).sum(axis=1)
