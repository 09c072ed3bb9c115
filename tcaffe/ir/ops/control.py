"""Control ops: what they compute is an operand; they tell how gradients flow."""

from __future__ import annotations

from tcaffe.ir.node import core_op
from tcaffe.ir.types import TensorType, require


@core_op("control", reference=lambda x: x)
def detach(x: TensorType) -> TensorType:
    """x, through which no gradient flows."""
    return x


@core_op("control", reference=lambda x, carrier: x)
def surrogate(x: TensorType, carrier: TensorType) -> TensorType:
    """x with the gradient of `carrier`: for results whose derivative is taken from another formula."""
    require(x.same_value(carrier), f"{x} cannot take the gradient of {carrier}")
    return x
