"""The state of a net: which of its layers a phase, a level and stages keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tcaffe.diagnostics import Reporter, Span
from tcaffe.schema import caffe_pb2

Locate = Callable[..., Span | None]


def filter_net(
    net: caffe_pb2.NetParameter,
    *,
    phase: str,
    level: int = 0,
    stages: Sequence[str] = (),
    locate: Locate = lambda index, *path: None,
    reporter: Reporter | None = None,
) -> tuple[caffe_pb2.NetParameter, tuple[int, ...]]:
    """The net with the layers that its state keeps, and their indices in `net`; the argument stays as it is.

    The state is what the caller says, plus the stages the file names itself. Each layer that has both include and
    exclude rules is an error of its own; without a `reporter` they are raised together as CompileError.
    """
    collected = reporter or Reporter()
    new = caffe_pb2.NetParameter()
    new.CopyFrom(net)
    new.ClearField("layer")
    new.state.phase = caffe_pb2.TRAIN if phase == "TRAIN" else caffe_pb2.TEST
    new.state.level = level
    new.state.stage.extend(stages)
    kept = []
    for index, layer in enumerate(net.layer):
        if layer.include and layer.exclude:
            collected.error(
                "E0337", f"layer `{layer.name}` has both include and exclude rules", locate(index, "exclude", 0),
                note="a layer says when it is there, or when it is not",
            )  # fmt: skip
        elif is_kept(layer, new.state):
            new.layer.add().CopyFrom(layer)
            kept.append(index)
    if reporter is None:
        collected.raise_if_errors()
    return new, tuple(kept)


def is_kept(layer: caffe_pb2.LayerParameter, state: caffe_pb2.NetState) -> bool:
    """Whether any include rule of `layer` is met, or, where it has none, no exclude rule is."""
    if layer.include:
        return any(is_met(rule, state) for rule in layer.include)
    return not any(is_met(rule, state) for rule in layer.exclude)


def is_met(rule: caffe_pb2.NetStateRule, state: caffe_pb2.NetState) -> bool:
    """Whether everything a rule says holds of `state`; a rule that says nothing is met."""
    return (
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and set(rule.stage) <= set(state.stage)
        and not set(rule.not_stage) & set(state.stage)
    )
