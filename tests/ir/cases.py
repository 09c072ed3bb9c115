"""One table: for every core op, how to call it. Type rules, references and spellings are tested from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcaffe.ir import ops
from tcaffe.ir.node import CoreOp, Node

IMAGE = (2, 4, 5, 6)


@dataclass(frozen=True)
class OpCase:
    """A core op, the shapes of its operands, its attributes, and the range its operands are drawn from."""

    op: CoreOp
    shapes: tuple[tuple[int, ...], ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    dtypes: tuple[str, ...] = ()
    label: str = ""

    @property
    def id(self) -> str:
        return f"{self.op.name}{self.label and '-' + self.label}"

    def inputs(self) -> list[Node]:
        kinds = self.dtypes or ("f32",) * len(self.shapes)
        return [
            ops.input_(shape=s, dtype=d, name=f"x{k}")
            for k, (s, d) in enumerate(zip(self.shapes, kinds, strict=True))
        ]

    def node(self) -> Node:
        return self.op(*self.inputs(), name="y", **self.attrs)

    def arrays(self, seed: int = 0) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        return {
            i.name: rng.uniform(self.low, self.high, i.shape).astype(i.type.numpy) for i in self.inputs()
        }


def pointwise(op: CoreOp, operands: int, **more: Any) -> OpCase:
    return OpCase(op, (IMAGE,) * operands, **more)


def window(kind: str, label: str, **attrs: Any) -> OpCase:
    return OpCase(ops.pool, (IMAGE,), {"kind": kind, **attrs}, label=f"{kind}-{label}")


SPATIAL: dict[str, Any] = {"axes": (2, 3), "size": (3, 2), "stride": (2, 1), "pad": ((1, 1), (0, 1))}
INSIDE: dict[str, Any] = {**SPATIAL, "pad": ((0, 0), (0, 0))}
CHANNELS: dict[str, Any] = {"axes": (1,), "size": (3,), "stride": (1,), "pad": ((1, 1),)}
PLAIN: dict[str, Any] = {"stride": (1, 1), "pad": (0, 0), "dilation": (1, 1)}
ROUGH: dict[str, Any] = {"stride": (2, 1), "pad": (1, 2), "dilation": (1, 2)}

CASES: tuple[OpCase, ...] = (
    OpCase(ops.const, (), {"value": 2.5, "shape": (2, 3)}, label="number"),
    OpCase(ops.const, (), {"value": (1.0, 2.0, 3.0), "shape": (3,)}, label="table"),
    OpCase(ops.iota, (), {"axis": 1, "shape": (2, 3)}),
    *(pointwise(op, 2) for op in (ops.add, ops.sub, ops.mul, ops.div, ops.maximum, ops.minimum)),
    *(pointwise(op, 1) for op in (ops.neg, ops.exp, ops.abs_, ops.sign, ops.floor, ops.tanh)),
    *(pointwise(op, 1, low=0.1) for op in (ops.log, ops.sqrt)),
    pointwise(ops.pow_, 2, low=0.1),
    pointwise(ops.greater, 2),
    pointwise(ops.equal, 2),
    pointwise(ops.select, 3, dtypes=("bool", "f32", "f32"), low=-1.0),
    pointwise(ops.cast, 1, attrs={"dtype": "i32"}),
    OpCase(ops.reshape, (IMAGE,), {"shape": (2, 120)}),
    OpCase(ops.transpose, (IMAGE,), {"order": (0, 2, 3, 1)}),
    OpCase(ops.broadcast, ((4,),), {"axes": (1,), "shape": IMAGE}, label="channels"),
    OpCase(ops.broadcast, ((2, 4),), {"axes": (0, 1), "shape": IMAGE}, label="items"),
    OpCase(ops.slice_, (IMAGE,), {"begin": (0, 1, 0, 1), "end": (2, 3, 5, 6), "stride": (1, 1, 2, 3)}),
    OpCase(ops.pad, (IMAGE,), {"low": (0, 0, 1, 0), "high": (0, 1, 0, 2), "value": 1.5}),
    OpCase(ops.concat, (IMAGE, (2, 1, 5, 6)), {"axis": 1}),
    OpCase(ops.reduce_sum, (IMAGE,), {"axes": (2, 3)}, label="spatial"),
    OpCase(ops.reduce_sum, (IMAGE,), {"axes": (1,)}, label="channels"),
    OpCase(ops.reduce_max, (IMAGE,), {"axes": (1,)}),
    *(window(kind, "spatial", **SPATIAL) for kind in ("max", "sum", "average", "argmax")),
    *(window(kind, "channels", **CHANNELS) for kind in ("max", "sum")),
    *(
        OpCase(ops.pool_dx, ((2, 4, 3, 6),), {"kind": kind, **SPATIAL, "shape": IMAGE}, label=kind)
        for kind in ("sum", "average")
    ),
    OpCase(ops.pool_tap, (IMAGE,), SPATIAL),
    OpCase(ops.unpool, ((2, 4, 2, 5),) * 2, {**INSIDE, "shape": IMAGE}, low=0, high=6, dtypes=("f32", "u8")),
    OpCase(ops.dot, ((3, 4), (4, 5))),
    OpCase(ops.dot, ((2, 3, 4), (2, 4, 5)), label="batched"),
    OpCase(ops.conv, (IMAGE, (6, 4, 3, 3)), PLAIN, label="plain"),
    OpCase(ops.conv, (IMAGE, (6, 2, 3, 2)), {**ROUGH, "groups": 2}, label="rough"),
    OpCase(ops.conv, ((1, 2, 7), (3, 2, 3)), {"stride": (2,), "pad": (1,), "dilation": (1,)}, label="1d"),
    OpCase(ops.conv, ((3, 4), (6, 2)), {"stride": (), "pad": (), "dilation": (), "groups": 2}, label="no axes"),
    OpCase(ops.conv_dx, (IMAGE, (4, 3, 3, 3)), {**PLAIN, "shape": (2, 3, 7, 8)}, label="plain"),
    OpCase(ops.conv_dx, (IMAGE, (4, 3, 3, 2)), {**ROUGH, "groups": 2, "shape": (2, 6, 9, 4)}, label="rough"),
    OpCase(ops.conv_dw, (IMAGE, (2, 6, 3, 4)), {**PLAIN, "shape": (6, 4, 3, 3)}, label="plain"),
    OpCase(ops.conv_dw, (IMAGE, (2, 6, 3, 8)), {**ROUGH, "groups": 2, "shape": (6, 2, 3, 2)}, label="rough"),
    OpCase(ops.scatter_add, ((2, 4, 3), (2, 4)), {"axis": 0, "size": 7}, dtypes=("f32", "i32"), low=0, high=7),
    pointwise(ops.keep, 1),
    pointwise(ops.assign, 2),
    pointwise(ops.detach, 1),
    pointwise(ops.surrogate, 2),
    OpCase(ops.gather, ((7, 3), (2, 4)), {"axis": 0}, dtypes=("f32", "i32"), low=0, high=7),
    OpCase(ops.random, ((2,),), {"shape": (3, 5, 7), "stream": 3}, dtypes=("i64",), low=0, high=2**62),
    OpCase(ops.top_k, (IMAGE,), {"k": 2, "axis": 1}, label="index"),
    OpCase(ops.top_k, (IMAGE,), {"k": 2, "axis": 1, "what": "value"}, label="value"),
)
