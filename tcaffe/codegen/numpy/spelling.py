"""How numpy spells the core ops: one line or a few, each writing into memory that is already there."""

from __future__ import annotations

import math

import numpy as np

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

BITS = {
    "f32": "int32",
    "f64": "int64",
    "f16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "bool": "uint8",
}
"""Integers as wide as each element type."""

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
    "pool_tap": "taps",
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
        return _select(node, args, out)
    if node.op.name == "cast":
        return [f'np.copyto({out}, {args[0]}, casting="unsafe")']
    power = exponent(node)
    if power is not None and abs(power) in POWERS:
        lines = [line.format(x=args[0], y=out, t=spare) for line in POWERS[abs(power)]]
        return lines if power > 0 else [*lines, f"np.divide(1.0, {out}, out={out})"]
    return [f"{UFUNCS[node.op.name]}({', '.join(args)}, out={out})"]


def _select(node: Node, args: list[str], out: str) -> list[str]:
    """y + condition * (x - y) on the bits of the numbers, as integers that wrap around: exact, for infinities too.

    Copying by a mask takes ten times as long: it branches on every element. `out` may be x, but not y.
    """
    bits, condition = BITS[node.type.dtype], args[0]
    x, y, z = (_bits(t, v, bits) for t, v in zip((args[1], args[2], out), (*node.inputs[1:], node), strict=True))
    if y == "0":
        return [f"np.multiply({x}, {condition}, out={z})"]
    return [
        f"np.subtract({x}, {y}, out={z})",
        f"np.multiply({z}, {condition}, out={z})",
        f"np.add({z}, {y}, out={z})",
    ]


def _bits(text: str, value: Node, integer: str) -> str:
    """The bits of a value, as integers: a view, or what they are worth where they are known."""
    while value.op.name == "broadcast":
        value = value.inputs[0]
    if value.op.name == "const" and not isinstance(value.attrs["value"], tuple):
        return str(int(np.array(value.attrs["value"], value.type.numpy).view(integer)))
    return f"{text}.view(np.{integer})"


def number(value: float | int | bool, dtype: str = "f32") -> str:
    """A number as Python, whole where the element type is."""
    if dtype == "bool":
        return str(bool(value))
    if dtype.startswith(("i", "u")):
        return str(int(value))
    if math.isfinite(value):
        return repr(float(value))
    return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
