"""Blobs written over that the original still needed: there numbers came out wrong, and nothing told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tcaffe.diagnostics import Diagnostic, Span
from tcaffe.schema import caffe_pb2

Locate = Callable[..., Span | None]

NEEDS_TOP = ("ELU", "Exp", "LRN", "MVN", "Sigmoid", "Softmax", "Swish", "TanH")
"""Layers whose gradient the original works out from their top."""

NEEDS_BOTTOM = ("BNLL", "Clip", "Log", "MVN")
"""Layers whose gradient the original works out from their bottom, of which it keeps no copy."""


def overwritten(net: Any, locate: Locate, *, trained: bool) -> Iterator[Diagnostic]:
    """Warnings about layers in place whose results, or gradients if the net is `trained`, differ from the original's.

    Here every version of a blob is a value of its own. `locate(index, *path)` finds a field of a layer in the file.
    """
    writers: dict[str, Any] = {}
    for index, layer in enumerate(net.layer):
        for blob, top in zip(layer.bottom, layer.top, strict=False):
            trouble = _trouble(layer, writers.get(blob), trained) if blob == top else ""
            if trouble:
                message = f"layer `{layer.name}` ({layer.type}) writes over `{blob}`: {trouble}"
                note = "numbers recorded with Caffe differ from those here; a top of another name would have been right"
                yield Diagnostic("E0317", message, locate(index, "top"), note, "", "warning")
        writers |= dict.fromkeys(layer.top, layer)


def _trouble(layer: Any, before: Any, trained: bool) -> str:
    """What goes wrong in the original with a layer in place, where `before` made the blob; nothing if all is well."""
    if _sums(layer) or (layer.type == "LRN" and layer.lrn_param.norm_region == caffe_pb2.LRNParameter.ACROSS_CHANNELS):
        return "Caffe reads there what it has written before, and gets another result"
    if trained and (layer.type in NEEDS_BOTTOM or _bends(layer)):
        return "Caffe reads it for the gradient, and gets another one"
    if trained and before is not None and (before.type in NEEDS_TOP or _is_power(before) or _multiplies(before)):
        return f"Caffe reads it for the gradient of layer `{before.name}`, and gets another one"
    return ""


def _sums(layer: Any) -> bool:
    return layer.type == "Eltwise" and layer.eltwise_param.operation == caffe_pb2.EltwiseParameter.SUM


def _multiplies(layer: Any) -> bool:
    p = layer.eltwise_param
    return layer.type == "Eltwise" and p.operation == caffe_pb2.EltwiseParameter.PROD and not p.stable_prod_grad


def _bends(layer: Any) -> bool:
    """Whether the slope of a layer cannot be told from its top: a power, or a ReLU that folds negative numbers up."""
    return _is_power(layer) or (layer.type == "ReLU" and layer.relu_param.negative_slope < 0)


def _is_power(layer: Any) -> bool:
    p = layer.power_param
    return layer.type == "Power" and p.power != 1 and p.power * p.scale != 0
