"""Dots: matrix products, a block of rows and columns a task."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import begin_tasks, subscript
from tcaffe.codegen.numpy.chain import Chain
from tcaffe.codegen.numpy.function import Function


def write_dot(f: Function) -> None:
    """The product of rows of x and columns of y, for every index before them, then the pointwise work on it."""
    dot = f.kernel.anchor
    assert dot is not None
    order = dot.type.axes_in_memory
    block = begin_tasks(f, order, dot.shape, f.kernel.attrs["tile"])
    x, y = (f.laid_out(i, order) for i in dot.inputs)
    *lead, rows, columns = (a.where for a in block.axes)
    chain = Chain(f, dot, block)
    a, b = x + subscript([*lead, rows]), y + subscript([*lead, ":", columns])
    f.body.line(f"np.matmul({a}, {b}, out={chain.home})")
    chain.finish()
