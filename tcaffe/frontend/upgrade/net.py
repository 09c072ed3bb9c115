"""A NetParameter of any age as one of today: the steps in their fixed order."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.diagnostics import Diagnostic
from tcaffe.frontend.upgrade.report import Locate, Report, nowhere
from tcaffe.frontend.upgrade.v0 import upgrade_v0
from tcaffe.frontend.upgrade.v1 import move_data_fields, upgrade_v1
from tcaffe.schema import caffe_pb2

Origins = tuple[int | None, ...]


@dataclass(frozen=True)
class Upgraded:
    """A net in the current format.

    `notes` are warnings of what could not be carried over. `origin` tells, for each layer, which `layer` or `layers`
    entry of the old net it comes from (None for one that was made), so that errors still find their line.
    """

    net: caffe_pb2.NetParameter
    notes: tuple[Diagnostic, ...]
    origin: Origins
    changed: bool


def upgrade_net(net: caffe_pb2.NetParameter, locate: Locate = nowhere) -> Upgraded:
    """`net` as the current format says it; the argument stays as it is.

    Raises CompileError (E0301, E0330 to E0338) for what no rule covers: an unknown old layer type, padding in front of
    a layer that takes none, old and current layers in one net.
    """
    report = Report(locate)
    _check_age(net, report)
    new = caffe_pb2.NetParameter()
    new.CopyFrom(net)
    origin: Origins = tuple(range(len(net.layers) or len(net.layer)))
    if any(layer.HasField("layer") for layer in net.layers):
        new, origin = upgrade_v0(new, report)
    if new.layers:
        move_data_fields(new)
        new = upgrade_v1(new)
    if new.input:
        origin = (*_input_layer(new, report), *origin)
    _freeze_statistics(new)
    return Upgraded(new, tuple(report.reporter.diagnostics), origin, new != net)


def _check_age(net: caffe_pb2.NetParameter, report: Report) -> None:
    """Raise CompileError for a net of two ages: nothing tells in which order its layers run."""
    if net.layers and net.layer:
        report.error(
            "E0334", "the net has both `layers` and `layer`", ("layer", 0),
            note="`layers` is the old format with types like CONVOLUTION, `layer` the current one with \"Convolution\"",
        )  # fmt: skip
        report.reporter.raise_if_errors()


def _input_layer(net: caffe_pb2.NetParameter, report: Report) -> Origins:
    """Turn the net's input fields, in place, into an Input layer in front; (None,) if they had shapes to give it."""
    names, shapes, dims = list(net.input), list(net.input_shape), list(net.input_dim)
    for field in ("input", "input_shape", "input_dim"):
        net.ClearField(field)
    if not shapes and not dims:
        return ()
    wanted = len(names) if shapes else 4 * len(names)
    given, what = (len(shapes), "input_shape") if shapes else (len(dims), "input_dim")
    if given != wanted:
        report.error("E0330", f"{len(names)} inputs need {wanted} `{what}`, the net has {given}", (what,))
        report.reporter.raise_if_errors()
    made = caffe_pb2.LayerParameter(name="input", type="Input", top=names)
    for i in range(len(names)):
        made.input_param.shape.add().dim.extend(shapes[i].dim if shapes else dims[4 * i : 4 * i + 4])
    layers = [made, *net.layer]
    del net.layer[:]
    net.layer.extend(layers)
    return (None,)


def _freeze_statistics(net: caffe_pb2.NetParameter) -> None:
    """BatchNorm's three blobs are no weights: no learning rate and no decay where a file names all of them."""
    for layer in net.layer:
        if layer.type == "BatchNorm" and len(layer.param) == 3:
            for spec in layer.param:
                spec.lr_mult = spec.decay_mult = 0.0
