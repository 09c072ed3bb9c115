"""Nets written in Python become the prototxt one would have written."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from google.protobuf import text_format

import tcaffe
from tcaffe import pycaffe as caffe
from tcaffe.frontend.layers import LAYERS
from tcaffe.pycaffe import net_spec
from tcaffe.pycaffe.net_spec import NetSpec, to_proto
from tcaffe.schema import caffe_pb2

L, P = net_spec.layers, net_spec.params

LENET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 1 dim: 28 dim: 28 } shape { dim: 4 } } transform_param { scale: 0.00390625 } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param { num_output: 50 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1"
  inner_product_param { num_output: 500 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""


def lenet():
    n = NetSpec()
    shapes = [{"dim": [4, 1, 28, 28]}, {"dim": [4]}]
    n.data, n.label = L.DummyData(shape=shapes, transform_param={"scale": 1 / 256}, ntop=2)
    xavier = {"type": "xavier"}
    rates = [{"lr_mult": 1}, {"lr_mult": 2}]
    n.conv1 = L.Convolution(n.data, kernel_size=5, num_output=20, weight_filler=xavier, param=rates)
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.conv2 = L.Convolution(n.pool1, kernel_size=5, num_output=50, weight_filler=xavier)
    n.pool2 = L.Pooling(n.conv2, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.ip1 = L.InnerProduct(n.pool2, num_output=500, weight_filler=xavier)
    n.relu1 = L.ReLU(n.ip1, in_place=True)
    n.ip2 = L.InnerProduct(n.relu1, num_output=10, weight_filler=xavier)
    n.loss = L.SoftmaxWithLoss(n.ip2, n.label)
    return n


def x(shape=(2, 3, 8, 8)):
    return L.Input(shape={"dim": list(shape)})


def last(top):
    """The layer that a net ends with."""
    return top.to_proto().layer[-1]


def names(net):
    return [layer.name for layer in net.layer]


def test_lenet_is_what_one_would_have_written():
    assert lenet().to_proto() == text_format.Parse(LENET, caffe_pb2.NetParameter())


def test_its_text_compiles_and_runs_as_a_net(tmp_path):
    text = str(lenet().to_proto())
    found = tcaffe.compile(text, phase="TRAIN", outputs=["loss"])()
    assert found["loss"] == pytest.approx(np.log(10), rel=1e-3)  # an image of zeros says nothing of its class
    (tmp_path / "net.prototxt").write_text(text)
    net = caffe.Net(str(tmp_path / "net.prototxt"), caffe.TRAIN)
    assert [layer.type for layer in net.layers] == [layer.type for layer in lenet().to_proto().layer]
    assert net.forward()["loss"] == pytest.approx(np.log(10), rel=1e-3)


def test_one_top_is_a_net_with_automatic_names():
    net = lenet().loss.to_proto()
    assert names(net) == [
        "DummyData1", "Convolution1", "Pooling1", "Convolution2", "Pooling2", "InnerProduct1", "ReLU1",
        "InnerProduct2", "SoftmaxWithLoss1",
    ]  # fmt: skip
    assert list(net.layer[0].top) == ["DummyData1", "DummyData2"]
    assert list(net.layer[6].top) == list(net.layer[6].bottom) == ["InnerProduct1"]
    assert list(net.layer[8].bottom) == ["InnerProduct2", "DummyData2"]
    assert not net.HasField("name")


def test_several_tops_are_one_net_and_what_they_share_is_written_once():
    data = x()
    shared = L.ReLU(data)
    net = to_proto(L.Sigmoid(shared), L.TanH(shared), L.Sigmoid(data), L.Silence(shared, ntop=0))
    assert names(net) == ["Input1", "ReLU1", "Sigmoid1", "TanH1", "Sigmoid2", "Silence1"]


def test_layers_come_in_the_order_of_the_names_each_after_what_it_needs():
    n = NetSpec()
    data = x()
    n.late = L.Power(L.Exp(data))
    n.data = data
    n["with a blank"] = L.Log(n.data)
    assert names(n.to_proto()) == ["data", "Exp1", "late", "with a blank"]
    assert n.keys() == list(n.tops) == ["late", "data", "with a blank"]
    assert n["late"] is n.late


def test_a_deep_net_is_written():
    top = x()
    for _ in range(3000):
        top = L.ReLU(top)
    assert names(top.to_proto())[-1] == "ReLU3000"


def test_an_automatic_name_is_never_one_that_was_given():
    n = NetSpec()
    data = x()
    n.ReLU1 = L.ReLU(L.ReLU(data))
    assert names(n.to_proto()) == ["Input1", "ReLU2", "ReLU1"]


def test_a_layer_without_tops_can_be_named():
    n = NetSpec()
    n.data, n.label = L.DummyData(shape={"dim": 3}, ntop=2)
    n.quiet = L.Silence(n.data, ntop=0)
    n.also = L.Silence(n.label, ntop=0)
    net = n.to_proto()
    assert [(l.name, list(l.bottom), list(l.top)) for l in net.layer[1:]] == [
        ("quiet", ["data"], []), ("also", ["label"], []),
    ]  # fmt: skip
    assert len(net.layer[0].dummy_data_param.shape) == 1
    assert list(net.layer[0].dummy_data_param.shape[0].dim) == [3]


def test_in_place_a_chain_keeps_the_name_of_its_beginning():
    n = NetSpec()
    n.data = x()
    n.conv = L.Convolution(n.data, num_output=2, kernel_size=1)
    n.bn = L.BatchNorm(n.conv, in_place=True)
    n.relu = L.ReLU(n.bn, in_place=True)
    n.out = L.Pooling(n.relu, global_pooling=True)
    rows = [(l.name, l.bottom[0], l.top[0]) for l in n.to_proto().layer[2:]]
    assert rows == [("bn", "conv", "conv"), ("relu", "conv", "conv"), ("out", "conv", "out")]


def test_a_name_by_keyword_is_the_layers_not_the_tops():
    n = NetSpec()
    n.data = x()
    n.y = L.ReLU(n.data, name="other")
    layer = n.to_proto().layer[1]
    assert (layer.name, list(layer.top)) == ("other", ["y"])


def test_a_name_given_again_means_the_new_top_and_one_can_be_taken_back():
    n = NetSpec()
    n.x = x()
    n.x = L.ReLU(n.x)
    n.y = L.Exp(n.x)
    assert names(n.to_proto()) == ["Input1", "x", "y"]
    del n.y
    assert not hasattr(n, "y")
    assert names(n.to_proto()) == ["Input1", "x"]
    del n["x"]
    assert len(n.to_proto().layer) == 0


def test_a_copy_grows_by_itself():
    n = lenet()
    other = copy.deepcopy(n)
    other.prob = L.Softmax(other.ip2)
    assert names(other.to_proto()) == [*names(n.to_proto()), "prob"]


def test_parameters_go_where_they_belong():
    loss = last(L.SoftmaxWithLoss(
        x(), x(), loss_weight=0.5, propagate_down=[True, False], loss_param={"ignore_label": 255},
        include={"phase": caffe.TRAIN, "stage": "fit"},
    ))  # fmt: skip
    assert list(loss.loss_weight) == [0.5]
    assert list(loss.propagate_down) == [True, False]
    assert loss.loss_param.ignore_label == 255
    assert (loss.include[0].phase, list(loss.include[0].stage)) == (caffe_pb2.TRAIN, ["fit"])
    python = last(L.Python(x(), module="m", layer="C", param_str="{}"))
    assert (python.python_param.module, python.python_param.param_str) == ("m", "{}")
    shared = last(L.Convolution(x(), num_output=1, kernel_size=1, param={"name": "w", "lr_mult": 0}))
    assert [(p.name, p.lr_mult) for p in shared.param] == [("w", 0)]


def test_a_type_without_a_message_of_its_own_names_the_one_it_reads():
    layer = last(L.Deconvolution(x(), convolution_param={"num_output": 2, "kernel_size": [4, 2], "stride": 2}))
    p = layer.convolution_param
    assert (p.num_output, list(p.kernel_size), list(p.stride)) == (2, [4, 2], [2])
    assert last(L.LSTM(x(), x(), recurrent_param={"num_output": 7})).recurrent_param.num_output == 7
    with pytest.raises(AttributeError, match=r"\(Deconvolution\).*`num_output`: write convolution_param=dict\(num_out"):
        last(L.Deconvolution(x(), num_output=2))


def test_messages_within_messages_and_tuples():
    filler = {"type": "gaussian", "std": 0.25, "variance_norm": P.Filler.AVERAGE}
    p = last(L.Convolution(x(), num_output=4, kernel_size=(3, 5), pad=np.int64(1), weight_filler=filler))
    p = p.convolution_param
    assert (list(p.kernel_size), list(p.pad), p.weight_filler.std) == ([3, 5], [1], 0.25)
    assert p.weight_filler.variance_norm == caffe_pb2.FillerParameter.AVERAGE
    data = last(L.DummyData(shape=[{"dim": [1, 2]}, {"dim": 3}], ntop=2)[1]).dummy_data_param
    assert [list(shape.dim) for shape in data.shape] == [[1, 2], [3]]


def test_bottoms_and_tops_can_be_added_by_name():
    layer = last(L.Eltwise(x(), bottom="other", top="more", ntop=1))
    assert (list(layer.bottom), list(layer.top)) == (["Input1", "other"], ["Eltwise1", "more"])


def test_constants():
    assert (P.Pooling.MAX, P.Pooling.AVE, P.Data.LMDB, P.Eltwise.PROD, P.LRN.WITHIN_CHANNEL) == (0, 1, 1, 0, 1)
    with pytest.raises(AttributeError, match="PoolingParameter has no constant MEAN; it has: AVE, CAFFE"):
        _ = P.Pooling.MEAN
    with pytest.raises(AttributeError, match="no message PolingParameter; did you mean `Pooling`"):
        _ = P.Poling.MAX
    assert last(L.Pooling(x(), pool="AVE")).pooling_param.pool == P.Pooling.AVE


def test_they_can_be_looked_through():
    assert {"Convolution", "SoftmaxWithLoss"} <= set(dir(L))
    assert {"Pooling", "Data"} <= set(dir(P))
    assert "MAX" in dir(P.Pooling)
    assert "conv1" in dir(lenet())
    assert not hasattr(L, "__wrapped__")


def test_an_input_must_be_a_top():
    data = L.DummyData(shape={"dim": 3}, ntop=2)
    with pytest.raises(TypeError, match=r"^Silence input 0 is not a Top \(type is <class 'tuple'>\)$"):
        L.Silence(data, ntop=0)
    with pytest.raises(TypeError, match=r"^Eltwise input 1 is not a Top \(type is <class 'str'>\)$"):
        L.Eltwise(data[0], "data")


def test_only_tops_and_layers_can_be_named():
    n = NetSpec()
    with pytest.raises(TypeError, match=r"n\.data must be what a layer returns, not <class 'tuple'>: assign to"):
        n.data = L.DummyData(shape={"dim": 3}, ntop=2)
    with pytest.raises(ValueError, match="ReLU has 2 tops, in place of 1 bottoms"):
        L.ReLU(x(), ntop=2, in_place=True)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: L.Convolution(x(), num_outptu=3), AttributeError,
         r"^layer `Convolution1` \(Convolution\) has no field `num_outptu`: did you mean `num_output`\?\n  it has: "),
        (lambda: L.ReLU(x(), name="r", slope=1), AttributeError, r"^layer `r` \(ReLU\) has .*it has: negative_slope, "),
        (lambda: L.Convolution(x(), weight_filler={"typ": "x"}), AttributeError,
         r"\(Convolution\), weight_filler has no field `typ`: did you mean `type`\?\n  it has: type, value, min"),
        (lambda: L.ReLU(x(), relu_parm=1), AttributeError, "no field `relu_parm`"),
        (lambda: L.ReLU(x(), rleu_param={}), AttributeError, "did you mean `relu_param`"),
        (lambda: L.Convolutoin(x(), num_output=3), AttributeError, "type is not known; did you mean `Convolution`"),
        (lambda: L.Convolution(x(), num_output="3"), TypeError, r"^layer `Convolution1` \(Convolution\), num_output: "),
        (lambda: L.Convolution(x(), num_output=-3), ValueError, "num_output: .*-3"),
        (lambda: L.Convolution(x(), kernel_size=[3, "a"]), TypeError, "kernel_size: "),
        (lambda: L.Pooling(x(), pool="MAXI"), ValueError, "pool: .*MAXI"),
        (lambda: L.Convolution(x(), weight_filler="xavier"), TypeError,
         "weight_filler takes a dict with fields of FillerParameter, not 'xavier'"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit_are_told_with_their_place(make, error, text):
    with pytest.raises(error, match=f"(?s){text}"):
        make().to_proto()


def test_layers_from_outside_the_catalogue(monkeypatch):
    soft_plus = replace(LAYERS["TanH"], name="SoftPlus", messages=("soft_plus_param",))
    monkeypatch.setitem(LAYERS, "SoftPlus", soft_plus)
    assert last(L.SoftPlus(x(), loss_weight=2)).type == "SoftPlus"
    with pytest.raises(AttributeError, match=r"`gain`: fields that only SoftPlus has can be written in prototxt"):
        last(L.SoftPlus(x(), gain=3))
    assert last(L.NobodyKnows(x(), name="n")).name == "n"
    with pytest.raises(AttributeError, match=r"`gain`: the type is not known\n  it has: name, type, bottom"):
        last(L.NobodyKnows(x(), gain=3))
