"""The second format: types as an enum, learning rates and names of params in lists."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tcaffe.schema import caffe_pb2

TYPES = {
    "NONE": "", "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DATA": "Data",
    "DECONVOLUTION": "Deconvolution", "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData", "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss", "EXP": "Exp", "FLATTEN": "Flatten", "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss", "IM2COL": "Im2col", "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss", "INNER_PRODUCT": "InnerProduct", "LRN": "LRN", "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN", "POOLING": "Pooling", "POWER": "Power",
    "RELU": "ReLU", "SIGMOID": "Sigmoid", "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence", "SLICE": "Slice", "SOFTMAX": "Softmax", "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split", "TANH": "TanH", "THRESHOLD": "Threshold", "WINDOW_DATA": "WindowData",
}  # fmt: skip
COPIED = ("bottom", "top", "name", "include", "exclude", "blobs", "loss_weight")
SPECS = {"param": "name", "blob_share_mode": "share_mode", "blobs_lr": "lr_mult", "weight_decay": "decay_mult"}
"""Lists of the old message, an entry a blob, and the field of ParamSpec each fills."""
DATA_PARAMS = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}
MOVED = ("scale", "mean_file", "crop_size", "mirror")


def move_data_fields(net: caffe_pb2.NetParameter) -> None:
    """Move scale, mean, crop and mirror of V1 data layers, in place, to where they are read: transform_param."""
    readers = [(layer, DATA_PARAMS[kind]) for layer in net.layers if (kind := _kind(layer)) in DATA_PARAMS]
    if not any(getattr(layer, param).HasField(field) for layer, param in readers for field in MOVED):
        return
    for layer, param in readers:
        source = getattr(layer, param)
        layer.transform_param.SetInParent()
        for field in MOVED:
            if source.HasField(field):
                setattr(layer.transform_param, field, getattr(source, field))
                source.ClearField(field)


def upgrade_v1(net: caffe_pb2.NetParameter) -> caffe_pb2.NetParameter:
    """The net with current layers."""
    new = caffe_pb2.NetParameter()
    new.CopyFrom(net)
    new.ClearField("layers")
    for layer in net.layers:
        _upgrade_layer(layer, new.layer.add())
    return new


def _kind(layer: caffe_pb2.V1LayerParameter) -> str:
    return str(caffe_pb2.V1LayerParameter.LayerType.Name(layer.type))


def _upgrade_layer(old: caffe_pb2.V1LayerParameter, new: caffe_pb2.LayerParameter) -> None:
    """Fill the current layer `new` from a V1 layer."""
    if old.HasField("type"):
        new.type = TYPES[_kind(old)]
    for field, value in old.ListFields():
        if field.name in COPIED or field.name.endswith("_param"):
            _set(new, field, value)
        elif field.name in SPECS:
            for i, entry in enumerate(value):
                while len(new.param) <= i:
                    new.param.add()
                setattr(new.param[i], SPECS[field.name], entry)


def _set(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)
