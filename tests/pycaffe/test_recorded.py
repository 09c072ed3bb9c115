"""What the original computed, computed by compiled nets: every recorded layer and net."""

from itertools import groupby

import pytest

from tcaffe import pycaffe as caffe
from tests.frontend.recorded import OWN, cases


def kind(case):
    """`layers/Pooling` or `nets`."""
    return str(case).rsplit("/", 1)[0]


def difference(case):
    """The tops that come out other than recorded, with what is wrong with them."""
    net = caffe.Net(case.folder / "net.prototxt", getattr(caffe, case.about["phase"]))
    for key, value in case.group("param").items():
        layer, index = key.rsplit("/", 1)
        net.params[layer][int(index)].data[...] = value
    for name, value in case.group("in").items():
        net.blobs[name].reshape(*value.shape)
        net.blobs[name].data[...] = value
    net.forward()
    checked = {name: case.compare(name, net.blobs[name].data, value) for name, value in case.group("out").items()}
    if case.about["mode"] == "fb" and not case.about.get("quirk"):
        checked |= gradients(net, case)
    return {name: problem for name, problem in checked.items() if problem}


def gradients(net, case):
    """The diffs of inputs and parameters that come out other than recorded."""
    for name, value in case.group("dout").items():
        net.blobs[name].diff[...] = value
    net.backward()
    checked = {f"d.{name}": case.compare(name, net.blobs[name].diff, v) for name, v in case.group("din").items()}
    for key, value in case.group("dparam").items():
        layer, index = key.rsplit("/", 1)
        checked[f"d.{key}"] = case.compare(key, net.params[layer][int(index)].diff, value)
    return checked


@pytest.mark.parametrize(("kind", "recorded"), [(k, list(c)) for k, c in groupby(cases(OWN), kind)])
def test_compiled_nets_give_what_was_recorded(kind, recorded):
    differences = {str(case): difference(case) for case in recorded}
    assert {case: found for case, found in differences.items() if found} == {}
