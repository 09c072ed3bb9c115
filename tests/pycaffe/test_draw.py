"""Pictures of nets: what is in them, in the text that Graphviz reads."""

import os
import re
import sys

import pytest
from google.protobuf import text_format

from tcaffe.pycaffe import TEST, TRAIN, draw
from tcaffe.schema import caffe_pb2

pydot = pytest.importorskip("pydot")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot.*")

NET = """
name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 64 } include { phase: TRAIN } }
layer { name: "data" type: "Input" top: "data" include { phase: TEST stage: "deploy" } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 0.5 }
  convolution_param { num_output: 20 kernel_size: 5 stride: 2 pad: 1 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "up" type: "Deconvolution" bottom: "pool" top: "up"
  convolution_param { num_output: 3 kernel_h: 4 kernel_w: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "up" top: "ip" inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" exclude { phase: TEST } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" exclude { stage: "fit" } }
"""


def net_of(text=NET):
    return text_format.Parse(text, caffe_pb2.NetParameter())


def layer_of(name, rest="", kind="ReLU"):
    return net_of(f'layer {{ name: "{name}" type: "{kind}" bottom: "x" top: "y" {rest} }}')


def read(net, rankdir="LR", **more):
    """The picture as its text tells it: nodes by name, with their attributes, and arrows with their labels."""
    (graph,) = pydot.graph_from_dot_data(draw.draw_net(net, rankdir, "raw", **more).decode())
    attributes = {bare(node.get_name()): node.get_attributes() for node in graph.get_nodes()}
    nodes = {name: {key: bare(value) for key, value in given.items()} for name, given in attributes.items()}
    edges = [(bare(e.get_source()), bare(e.get_destination()), bare(e.get_label())) for e in graph.get_edges()]
    return nodes, edges


def bare(text):
    return re.sub(r'^"(.*)"$', r"\1", text, flags=re.S)


def test_layers_are_boxes_coloured_by_their_kind():
    nodes, _ = read(net_of())
    boxes = {name: node["fillcolor"] for name, node in nodes.items() if node["shape"] == "record"}
    assert boxes == {
        "data_Data": "#6495ED", "data_Input": "#6495ED", "conv_Convolution": "#FF5050", "relu_ReLU": "#90EE90",
        "pool_Pooling": "#FF9900", "up_Deconvolution": "#FF5050", "ip_InnerProduct": "#CC33FF",
        "loss_SoftmaxWithLoss": "#6495ED", "prob_Softmax": "#6495ED",
    }  # fmt: skip
    assert {node["style"] for node in nodes.values()} == {"filled"}


def test_blobs_are_octagons_each_drawn_once():
    nodes, _ = read(net_of())
    blobs = [(node["label"], node["fillcolor"]) for node in nodes.values() if node["shape"] == "octagon"]
    assert blobs == [(name, "#E0E0E0") for name in ("data", "label", "conv", "pool", "up", "ip", "loss", "prob")]


def test_arrows_lead_through_the_net_and_say_what_they_carry():
    _, edges = read(net_of(), phase=TRAIN)
    assert edges == [
        ("data_Data", "data_blob", "Batch 64"), ("data_Data", "label_blob", "Batch 64"),
        ("data_blob", "conv_Convolution", ""), ("conv_Convolution", "conv_blob", "20"),
        ("conv_blob", "relu_ReLU", ""), ("relu_ReLU", "conv_blob", ""),
        ("conv_blob", "pool_Pooling", ""), ("pool_Pooling", "pool_blob", ""),
        ("pool_blob", "up_Deconvolution", ""), ("up_Deconvolution", "up_blob", "3"),
        ("up_blob", "ip_InnerProduct", ""), ("ip_InnerProduct", "ip_blob", "10"),
        ("ip_blob", "loss_SoftmaxWithLoss", ""), ("label_blob", "loss_SoftmaxWithLoss", ""),
        ("loss_SoftmaxWithLoss", "loss_blob", ""),
        ("ip_blob", "prob_Softmax", ""), ("prob_Softmax", "prob_blob", ""),
    ]  # fmt: skip
    quiet = draw.get_pydot_graph(net_of(), "LR", label_edges=False)
    assert {edge.get_label() for edge in quiet.get_edges()} == {'""'}


def test_what_the_boxes_say():
    labels = {name: node["label"] for name, node in read(net_of())[0].items()}
    assert labels["conv_Convolution"] == r"conv\n(Convolution)\nkernel size: 5\nstride: 2\npad: 1"
    assert labels["pool_Pooling"] == r"pool\n(Pooling AVE)\nkernel size: 2\nstride: 2\npad: 0"
    assert labels["up_Deconvolution"] == r"up\n(Deconvolution)\nkernel size: 4x2\nstride: 1\npad: 0"
    assert labels["ip_InnerProduct"] == r"ip\n(InnerProduct)"
    rates = {name: node["label"] for name, node in read(net_of(), display_lrm=True)[0].items()}
    assert rates["conv_Convolution"] == labels["conv_Convolution"] + r"\nlr mult: 0.5, 1"
    assert rates["ip_InnerProduct"] == labels["ip_InnerProduct"] + r"\nlr mult: 1, 1"
    assert rates["pool_Pooling"] == labels["pool_Pooling"]


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("Convolution", "convolution_param { kernel_size: 3 kernel_size: 5 }", "kernel size: 3x5 stride: 1 pad: 0"),
        ("Convolution", "convolution_param { kernel_size: 3 pad_h: 1 }", "kernel size: 3 stride: 1 pad: 1x0"),
        ("Pooling", "pooling_param { global_pooling: true }", "global"),
    ],
)
def test_windows_of_every_kind(kind, fields, says):
    nodes, _ = read(layer_of("l", fields, kind), "TB")
    assert nodes[f"l_{kind}"]["label"].endswith(f") {says}")


def test_boxes_are_wide_where_layers_go_down():
    graph = draw.get_pydot_graph(net_of(), "TB")
    assert graph.get_rankdir() == "TB"
    label = read(net_of(), "TB")[0]["pool_Pooling"]["label"]
    assert label == "pool (Pooling AVE) kernel size: 2 stride: 2 pad: 0"


def test_a_phase_leaves_out_what_does_not_run_in_it():
    train, test = (read(net_of(), phase=phase)[0].keys() for phase in (TRAIN, TEST))
    assert train - test == {"data_Data", "loss_SoftmaxWithLoss", "loss_blob", "label_blob"}
    assert test - train == {"data_Input"}
    assert "prob_Softmax" in train  # stages do not count
    both = layer_of("l", "include { phase: TEST } exclude { phase: TRAIN }")
    with pytest.raises(ValueError, match="layer 'l' has both include and exclude rules"):
        draw.get_pydot_graph(both, "LR", phase=TEST)
    assert "l_ReLU" in read(both)[0]


def test_old_nets_are_drawn_too():
    old = net_of("""layers { name: "c" type: CONVOLUTION bottom: "x" top: "y" convolution_param { kernel_size: 3 } }""")
    assert list(read(old)[0]) == ["x_blob", "y_blob", "c_Convolution"]


def test_names_stay_names():
    """Whatever a file calls its layers and blobs, none of it becomes a part of the picture's text."""
    evil = 'a" [image="/etc/passwd"]; "b -> {c|<d>} \\N:e\n'
    net = layer_of("")
    net.name = net.layer[0].name = net.layer[0].bottom[0] = evil
    nodes, edges = read(net)
    assert len(nodes) == 3 and len(edges) == 2
    assert all("image" not in node for node in nodes.values())
    box = next(node for node in nodes.values() if node["shape"] == "record")
    assert box["label"].startswith(r'a\" [image=\"/etc/passwd\"]; \"b -\> \{c\|\<d\>\} \\N:e\n')


def test_files_take_their_format_from_their_name(tmp_path):
    draw.draw_net_to_file(net_of(), tmp_path / "net.raw")
    text = (tmp_path / "net.raw").read_text("utf-8")
    assert text.startswith('digraph "small" {') and "rankdir=LR" in text
    draw.draw_net_to_file(net_of(), str(tmp_path / "net.gv"), "BT", TEST, True)
    assert (tmp_path / "net.gv").read_bytes() == draw.draw_net(net_of(), "BT", "dot", TEST, True)
    with pytest.raises(ValueError, match="says no format"):
        draw.draw_net_to_file(net_of(), tmp_path / "net")


@pytest.mark.skipif(os.name != "posix", reason="stands in for Graphviz by a script")
def test_images_are_what_graphviz_makes_of_the_text(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"drawing as png needs Graphviz: .* ends in \.raw"):
        draw.draw_net_to_file(net_of(), tmp_path / "net.png")
    assert not (tmp_path / "net.png").exists()
    dot = tmp_path / "dot"
    dot.write_text(f"#!{sys.executable}\nimport sys\nkind, file = sys.argv[1:]\nif kind == '-Tnone': sys.exit(1)\n"
                   "sys.stdout.write(kind + open(file, encoding='utf-8').read())\n")  # fmt: skip
    dot.chmod(0o755)
    draw.draw_net_to_file(net_of(), tmp_path / "net.png", "TB")
    assert (tmp_path / "net.png").read_bytes() == b"-Tpng" + draw.draw_net(net_of(), "TB", "raw")
    with pytest.raises(ValueError, match="cannot draw the net as 'none'"):
        draw.draw_net(net_of(), "LR", "none")


def test_without_pydot_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydot", None)
    with pytest.raises(ImportError, match=r"pip install 'tcaffe\[draw\]'"):
        draw.draw_net(net_of(), "LR", "raw")
