"""How numpy spells the core ops: one line or a few, each writing into memory that is already there."""

from __future__ import annotations

import math

from tcaffe.ir.node import Node
from tcaffe.ir.slots import exponent

UFUNCS = {
    "add": "np.add",
    "sub": "np.subtract",
    "mul": "np.multiply",
    "div": "np.divide",
    "neg": "np.negative",
    "pow": "np.power",
    "maximum": "np.maximum",
    "minimum": "np.minimum",
    "exp": "np.exp",
    "log": "np.log",
    "sqrt": "np.sqrt",
    "abs": "np.absolute",
    "sign": "np.sign",
    "floor": "np.floor",
    "tanh": "np.tanh",
    "greater": "np.greater",
    "equal": "np.equal",
}
"""Pointwise ops that are one ufunc of the same operands."""

REDUCTIONS = {"reduce_sum": "np.add.reduce", "reduce_max": "np.maximum.reduce"}

POWERS = {
    0.25: ("np.sqrt({x}, out={y})", "np.sqrt({y}, out={y})"),
    0.5: ("np.sqrt({x}, out={y})",),
    0.75: ("np.sqrt({x}, out={y})", "np.sqrt({y}, out={t})", "np.multiply({y}, {t}, out={y})"),
    1.0: ("np.copyto({y}, {x})",),
    1.5: ("np.sqrt({x}, out={t})", "np.multiply({x}, {t}, out={y})"),
    2.0: ("np.multiply({x}, {x}, out={y})",),
    3.0: ("np.multiply({x}, {x}, out={t})", "np.multiply({x}, {t}, out={y})"),
}
"""pow(x, constant) by roots and products: numpy's own takes ten times as long. No step reads x once y is written."""

FRAMES = {
    "conv": "convolution",
    "conv_dx": "deconvolution",
    "conv_dw": "filters",
    "dot": "product",
    "pool": "pooling",
    "pool_dx": "unpooling",
    "unpool": "unpooling",
    "reduce_sum": "region",
    "reduce_max": "region",
    "random": "random",
    "gather": "index",
    "scatter_add": "index",
    "top_k": "index",
    "reshape": "copy",
    "transpose": "copy",
    "slice": "copy",
    "pad": "copy",
    "concat": "copy",
    "broadcast": "operand",
    "const": "operand",
    "iota": "operand",
    "param": "operand",
    "input": "operand",
}
"""What is more than a line: the file here that writes it."""


def pointwise(node: Node, args: list[str], out: str, spare: str = "") -> list[str]:
    """The lines that compute a pointwise `node` from `args` into `out`; `spare` is a temporary like `out`."""
    if node.op.name == "select":
        return _select((args[0], args[1], args[2]), out)
    if node.op.name == "cast":
        return [f'np.copyto({out}, {args[0]}, casting="unsafe")']
    power = exponent(node)
    if power is not None and abs(power) in POWERS:
        lines = [line.format(x=args[0], y=out, t=spare) for line in POWERS[abs(power)]]
        return lines if power > 0 else [*lines, f"np.divide(1.0, {out}, out={out})"]
    return [f"{UFUNCS[node.op.name]}({', '.join(args)}, out={out})"]


def _select(args: tuple[str, str, str], out: str) -> list[str]:
    condition, x, y = args
    if out != x:
        return [*([] if out == y else [f"np.copyto({out}, {y})"]), f"np.copyto({out}, {x}, where={condition})"]
    flip = f"np.logical_not({condition}, out={condition})"
    return [flip, f"np.copyto({out}, {y}, where={condition})", flip]


def number(value: float | int | bool, dtype: str = "f32") -> str:
    """A number as Python, whole where the element type is."""
    if dtype == "bool":
        return str(bool(value))
    if dtype.startswith(("i", "u")):
        return str(int(value))
    if math.isfinite(value):
        return repr(float(value))
    return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
