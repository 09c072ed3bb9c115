"""How Triton spells the core ops: a pointwise op is one expression."""

from __future__ import annotations

import math

from tcaffe.ir.node import Node
from tcaffe.ir.slots import exponent

DTYPES = {
    "f32": "tl.float32",
    "f64": "tl.float64",
    "f16": "tl.float16",
    "i32": "tl.int32",
    "i64": "tl.int64",
    "u8": "tl.uint8",
    "bool": "tl.int1",
}

POINTWISE = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "pow": "_power({}, {})",
    "maximum": "tl.maximum({}, {}, propagate_nan=tl.PropagateNan.ALL)",
    "minimum": "tl.minimum({}, {}, propagate_nan=tl.PropagateNan.ALL)",
    "exp": "tl.exp({})",
    "log": "tl.log({})",
    "sqrt": "tl.sqrt({})",
    "abs": "tl.abs({})",
    "sign": "tl.where({0} > 0, 1.0, tl.where({0} < 0, -1.0, {0}))",
    "floor": "tl.floor({})",
    "tanh": "_tanh({})",
    "greater": "{} > {}",
    "equal": "{} == {}",
    "select": "tl.where({}, {}, {})",
    "cast": "{}.to({dtype})",
}

POWERS = {
    0.25: "tl.sqrt(tl.sqrt({0}))",
    0.5: "tl.sqrt({0})",
    0.75: "tl.sqrt({0}) * tl.sqrt(tl.sqrt({0}))",
    1.0: "{0}",
    1.5: "{0} * tl.sqrt({0})",
    2.0: "{0} * {0}",
    3.0: "{0} * {0} * {0}",
    4.0: "{0} * {0} * ({0} * {0})",
}
"""pow(x, constant) by roots and products."""

REDUCTIONS = {
    "reduce_sum": ("tl.sum({}, axis=1, keep_dims=True)", "0.0"),
    "reduce_max": ("tl.max({}, axis=1, keep_dims=True)", '-float("inf")'),
}
"""Reductions along the columns of a block, and the number that changes nothing."""

COMBINATIONS = {
    "reduce_sum": "{} + {}",
    "reduce_max": "tl.maximum({}, {}, propagate_nan=tl.PropagateNan.ALL)",
}
"""What two parts of a reduction are together."""

FUNCTIONS = {
    "_tanh": '''\
@triton.jit
def _tanh(x):
    """The hyperbolic tangent: its series near 0, elsewhere by exp(-2 |x|), which does not overflow."""
    s = x * x
    near = x * (1.0 + s * (-1 / 3 + s * (2 / 15 + s * (-17 / 315 + s * (62 / 2835)))))
    e = tl.exp(-2.0 * tl.abs(x))
    far = (1.0 - e) / (1.0 + e)
    return tl.where(s < 0.0625, near, tl.where(x < 0.0, -far, far))
''',
    "_power": '''\
@triton.jit
def _power(x, y):
    """x to the power of y; not a number for a negative x and a fractional y."""
    size = tl.exp2(y * tl.log2(tl.abs(x)))
    half = y * 0.5
    signed = tl.where(tl.floor(half) == half, size, tl.where(tl.floor(y) == y, -size, float("nan")))
    return tl.where(y == 0.0, 1.0, tl.where(x < 0.0, signed, size))
''',
}
"""What Triton has no word for: functions of the emitted module, for the ops spelled by them."""

FRAMES = {
    "conv": "convolution",
    "conv_dx": "transposed",
    "conv_dw": "filters",
    "dot": "matrix",
    "pool": "window",
    "pool_tap": "window",
    "pool_dx": "unpooling",
    "unpool": "unpooling",
    "random": "random",
    "gather": "indexing",
    "scatter_add": "indexing",
    "top_k": "ranking",
    "assign": "arrangement",
    "keep": "arrangement",
    "reduce_sum": "region",
    "reduce_max": "region",
    "reshape": "arrangement",
    "transpose": "arrangement",
    "slice": "arrangement",
    "pad": "arrangement",
    "concat": "arrangement",
    "broadcast": "operand",
    "const": "operand",
    "iota": "operand",
    "param": "operand",
    "input": "operand",
}
"""What is more than an expression: the file here that writes it."""

UNSPELLED: frozenset[str] = frozenset()
"""Core ops that there is no code for yet."""


def pointwise(node: Node, args: list[str]) -> str:
    """The expression for a pointwise `node` of `args`."""
    power = exponent(node)
    if power is not None:
        return _constant_power(args[0], power)
    if node.op.name == "cast" and node.type.dtype == "bool":
        return f"{args[0]} != 0"
    return POINTWISE[node.op.name].format(*args, dtype=DTYPES[node.type.dtype])


def _constant_power(x: str, power: float) -> str:
    """x to a power that is known."""
    if power == 0:
        return f"tl.full({x}.shape, 1.0, {x}.dtype)"
    if abs(power) in POWERS:
        text = POWERS[abs(power)].format(x)
        return text if power > 0 else f"1.0 / ({text})"
    if power != math.floor(power):
        return f"tl.exp2({power!r} * tl.log2({x}))"
    size = f"tl.exp2({power!r} * tl.log2(tl.abs({x})))"
    return size if power % 2 == 0 else f"tl.where({x} < 0, -1.0, 1.0) * {size}"


def number(value: float | int | bool, dtype: str = "f32") -> str:
    """A number as source, whole where the element type is."""
    if dtype == "bool":
        return str(bool(value))
    if dtype.startswith(("i", "u")):
        return str(int(value))
    if math.isfinite(value):
        return repr(float(value)) if value >= 0 else f"({float(value)!r})"
    return 'float("nan")' if math.isnan(value) else 'float("inf")' if value > 0 else '(-float("inf"))'
