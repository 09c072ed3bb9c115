"""The core ops, one file a family; `OPS` holds them all by name."""

from tcaffe.ir.node import OPS
from tcaffe.ir.ops.contract import conv, conv_dw, conv_dx, dot
from tcaffe.ir.ops.control import detach, surrogate
from tcaffe.ir.ops.index import gather, scatter_add, top_k
from tcaffe.ir.ops.pointwise import (
    abs_,
    add,
    cast,
    div,
    equal,
    exp,
    floor,
    greater,
    log,
    maximum,
    minimum,
    mul,
    neg,
    pow_,
    select,
    sign,
    sqrt,
    sub,
    tanh,
)
from tcaffe.ir.ops.random import random
from tcaffe.ir.ops.reduce import reduce_max, reduce_sum
from tcaffe.ir.ops.shape import assign, broadcast, concat, keep, pad, reshape, slice_, transpose
from tcaffe.ir.ops.source import const, input_, iota, param
from tcaffe.ir.ops.window import pool, pool_dx, pool_tap, unpool

__all__ = [
    "OPS",
    "abs_",
    "add",
    "assign",
    "broadcast",
    "cast",
    "concat",
    "const",
    "conv",
    "conv_dw",
    "conv_dx",
    "detach",
    "div",
    "dot",
    "equal",
    "exp",
    "floor",
    "gather",
    "greater",
    "input_",
    "iota",
    "keep",
    "log",
    "maximum",
    "minimum",
    "mul",
    "neg",
    "pad",
    "param",
    "pool",
    "pool_dx",
    "pool_tap",
    "pow_",
    "random",
    "reduce_max",
    "reduce_sum",
    "reshape",
    "scatter_add",
    "select",
    "sign",
    "slice_",
    "sqrt",
    "sub",
    "surrogate",
    "tanh",
    "top_k",
    "transpose",
    "unpool",
]
