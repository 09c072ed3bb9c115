"""The first format: every field of every layer type in one message, padding as a layer of its own."""

from __future__ import annotations

from google.protobuf.message import Message

from tcaffe.diagnostics import suggest
from tcaffe.frontend.bound import FieldPath
from tcaffe.frontend.upgrade.report import Report
from tcaffe.schema import caffe_pb2

TYPES = {
    "accuracy": "ACCURACY", "bnll": "BNLL", "concat": "CONCAT", "conv": "CONVOLUTION", "data": "DATA",
    "dropout": "DROPOUT", "euclidean_loss": "EUCLIDEAN_LOSS", "flatten": "FLATTEN", "hdf5_data": "HDF5_DATA",
    "hdf5_output": "HDF5_OUTPUT", "im2col": "IM2COL", "images": "IMAGE_DATA", "infogain_loss": "INFOGAIN_LOSS",
    "innerproduct": "INNER_PRODUCT", "lrn": "LRN", "multinomial_logistic_loss": "MULTINOMIAL_LOGISTIC_LOSS",
    "pool": "POOLING", "relu": "RELU", "sigmoid": "SIGMOID", "softmax": "SOFTMAX", "softmax_loss": "SOFTMAX_LOSS",
    "split": "SPLIT", "tanh": "TANH", "window_data": "WINDOW_DATA",
}  # fmt: skip

CONV, DOT, POOL, LRN = "convolution_param", "inner_product_param", "pooling_param", "lrn_param"
DATA, IMAGES, WINDOWS, HDF5 = "data_param", "image_data_param", "window_data_param", "hdf5_data_param"
SOURCES = {"data": DATA, "hdf5_data": HDF5, "images": IMAGES, "window_data": WINDOWS}
GAINS = "infogain_loss_param"

FIELDS: dict[str, dict[str, str]] = {
    "num_output": {"conv": f"{CONV}.num_output", "innerproduct": f"{DOT}.num_output"},
    "biasterm": {"conv": f"{CONV}.bias_term", "innerproduct": f"{DOT}.bias_term"},
    "weight_filler": {"conv": f"{CONV}.weight_filler", "innerproduct": f"{DOT}.weight_filler"},
    "bias_filler": {"conv": f"{CONV}.bias_filler", "innerproduct": f"{DOT}.bias_filler"},
    "pad": {"conv": f"{CONV}.pad", "pool": f"{POOL}.pad"},
    "kernelsize": {"conv": f"{CONV}.kernel_size", "pool": f"{POOL}.kernel_size"},
    "group": {"conv": f"{CONV}.group"},
    "stride": {"conv": f"{CONV}.stride", "pool": f"{POOL}.stride"},
    "pool": {"pool": f"{POOL}.pool"},
    "dropout_ratio": {"dropout": "dropout_param.dropout_ratio"},
    **{name: {"lrn": f"{LRN}.{name}"} for name in ("local_size", "alpha", "beta", "k")},
    "source": {
        **{kind: f"{param}.source" for kind, param in SOURCES.items()},
        "infogain_loss": "infogain_loss_param.source",
    },
    "batchsize": {kind: f"{param}.batch_size" for kind, param in SOURCES.items()},
    "rand_skip": {"data": f"{DATA}.rand_skip", "images": f"{IMAGES}.rand_skip"},
    "shuffle_images": {"images": f"{IMAGES}.shuffle"},
    "new_height": {"images": f"{IMAGES}.new_height"},
    "new_width": {"images": f"{IMAGES}.new_width"},
    "concat_dim": {"concat": "concat_param.concat_dim"},
    "det_fg_threshold": {"window_data": f"{WINDOWS}.fg_threshold"},
    "det_bg_threshold": {"window_data": f"{WINDOWS}.bg_threshold"},
    "det_fg_fraction": {"window_data": f"{WINDOWS}.fg_fraction"},
    "det_context_pad": {"window_data": f"{WINDOWS}.context_pad"},
    "det_crop_mode": {"window_data": f"{WINDOWS}.crop_mode"},
    "hdf5_output_param": {"hdf5_output": "hdf5_output_param"},
}
"""Where a field of the old message goes, by layer type."""

EVERY_TYPE = {
    **{name: name for name in ("name", "blobs", "blobs_lr", "weight_decay")},
    "scale": "transform_param.scale",
    "meanfile": "transform_param.mean_file",
    "cropsize": "transform_param.crop_size",
    "mirror": "transform_param.mirror",
}
KEPT_NET_FIELDS = ("name", "input", "input_dim", "force_backward")


def upgrade_v0(net: caffe_pb2.NetParameter, report: Report) -> tuple[caffe_pb2.NetParameter, tuple[int, ...]]:
    """The net with V1 layers, and which entry of `layers` each comes from; raises CompileError where no rule fits."""
    new = caffe_pb2.NetParameter()
    for name in _names(net):
        if name in KEPT_NET_FIELDS:
            _copy(net, name, new, name)
        elif name != "layers":
            report.warn("E0335", f"nets of the first format have no `{name}`: it is left out", (name,))
    kept = _without_padding(net, report)
    for index, layer in kept:
        _upgrade_layer(index, layer, new.layers.add(), report)
    report.reporter.raise_if_errors()
    return new, tuple(index for index, _ in kept)


def _without_padding(net: caffe_pb2.NetParameter, report: Report) -> list[tuple[int, caffe_pb2.V1LayerParameter]]:
    """The layers less those of type "padding", whose amount moves into the layer behind; with their places."""
    maker: dict[str, caffe_pb2.V1LayerParameter | None] = dict.fromkeys(net.input)
    kept = []
    for index, entry in enumerate(net.layers):
        layer = caffe_pb2.V1LayerParameter()
        layer.CopyFrom(entry)
        for i, name in enumerate(entry.bottom):
            if name not in maker:
                report.error(
                    "E0301", f"layer `{entry.layer.name}`: unknown bottom `{name}`",
                    ("layers", index, "bottom", i), suggestion=suggest(name, maker),
                )  # fmt: skip
            before = maker.get(name)
            if before is not None and before.layer.type == "padding" and _may_be_padded(index, layer, before, report):
                layer.layer.pad = before.layer.pad
                layer.bottom[i] = before.bottom[0]
        maker.update((top, entry) for top in entry.top)
        if entry.layer.type != "padding":
            kept.append((index, layer))
    return kept


def _may_be_padded(
    index: int, layer: caffe_pb2.V1LayerParameter, padding: caffe_pb2.V1LayerParameter, report: Report
) -> bool:
    """Whether `layer` can take over the amount of the padding layer in front of it; reports why not."""
    name, kind = layer.layer.name, layer.layer.type
    if kind not in ("conv", "pool"):
        why = f"layer `{name}` of type {kind} cannot take the padding in front of it"
    elif len(layer.bottom) != 1 or len(padding.bottom) != 1 or len(padding.top) != 1:
        why = f"padding in front of layer `{name}` needs one blob in and one out"
    else:
        return True
    report.error("E0331", why, ("layers", index, "layer", "type"))
    return False


def _upgrade_layer(
    index: int, old: caffe_pb2.V1LayerParameter, new: caffe_pb2.V1LayerParameter, report: Report
) -> None:
    """Fill the V1 layer `new` from an entry of the first format."""
    new.bottom.extend(old.bottom)
    new.top.extend(old.top)
    message, place = old.layer, ("layers", index, "layer")
    if not old.HasField("layer"):
        report.error("E0338", f"layer `{old.name}` is not of the first format, as others are", ("layers", index))
    elif message.type not in TYPES:
        report.error(
            "E0332", f"layer `{message.name}` has the unknown old type `{message.type}`", (*place, "type"),
            suggestion=suggest(message.type, TYPES),
        )  # fmt: skip
    else:
        new.MergeFrom(caffe_pb2.V1LayerParameter(type=TYPES[message.type]))
        _copy_fields(message, new, place, report)
        for name in (name for name in _names(old) if name not in ("bottom", "top", "layer")):
            beside = f"`{name}` beside a layer of the first format, `{message.name}`, is left out"
            report.warn("E0335", beside, ("layers", index, name))


def _copy_fields(
    old: caffe_pb2.V0LayerParameter, new: caffe_pb2.V1LayerParameter, place: FieldPath, report: Report
) -> None:
    """Copy the fields of the first format to where they stand in the second; warn of those its type does not have."""
    for name in _names(old):
        if target := EVERY_TYPE.get(name) or FIELDS.get(name, {}).get(old.type):
            _copy(old, name, new, target)
        elif name != "type":
            meaning = f"`{name}` means nothing to layer `{old.name}` of type {old.type}"
            report.warn("E0333", meaning, (*place, name))


def _names(message: Message) -> list[str]:
    """The fields that are set."""
    return [field.name for field, _ in message.ListFields()]


def _copy(source: Message, field: str, target: Message, path: str) -> None:
    """Copy a field to a dotted path; a single value becomes the one entry of a repeated field."""
    *outer, last = path.split(".")
    for name in outer:
        target = getattr(target, name)
    value, kind = getattr(source, field), target.DESCRIPTOR.fields_by_name[last]
    if kind.is_repeated:
        many = source.DESCRIPTOR.fields_by_name[field].is_repeated
        getattr(target, last).extend(value if many else [value])
    elif kind.message_type:
        getattr(target, last).CopyFrom(value)
    else:
        setattr(target, last, value)
