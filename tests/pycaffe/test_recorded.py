"""What the original computed, computed by compiled nets: every recorded layer and net."""

from contextlib import chdir
from itertools import groupby

import pytest

from tcaffe import pycaffe as caffe
from tests.frontend.recorded import OWN, cases


def kind(case):
    """`layers/Pooling` or `nets`."""
    return str(case).rsplit("/", 1)[0]


def difference(case):
    """What comes out other than recorded, and what is wrong with it."""
    with chdir(case.folder):  # what paths in the prototxt are relative to
        net = caffe.Net("net.prototxt", getattr(caffe, case.about["phase"]))
    for key, value in case.group("param").items():
        blob_of(net, key).data[...] = value
    for name, value in case.group("in").items():
        net.blobs[name].reshape(*value.shape)
        net.blobs[name].data[...] = value
    net.forward()
    found = {f"out/{name}": (net.blobs[name].data, value) for name, value in case.group("out").items()}
    wrong = case.wrong(found)
    if case.about["mode"] == "fb" and not case.about.get("quirk"):
        wrong |= gradient_difference(net, case)
    return wrong


def gradient_difference(net, case):
    """The diffs of inputs and parameters that come out other than recorded."""
    for name, value in case.group("dout").items():
        net.blobs[name].diff[...] = value
    net.backward()
    found = {f"din/{name}": (net.blobs[name].diff, value) for name, value in case.group("din").items()}
    found |= {f"dparam/{key}": (blob_of(net, key).diff, value) for key, value in case.group("dparam").items()}
    return case.wrong(found)


def blob_of(net, key):
    """The parameter that `layer/0` stands for."""
    layer, index = key.rsplit("/", 1)
    return net.params[layer][int(index)]


@pytest.mark.parametrize(("kind", "recorded"), [(k, list(c)) for k, c in groupby(cases(OWN), kind)])
def test_compiled_nets_give_what_was_recorded(kind, recorded):
    differences = {str(case): difference(case) for case in recorded}
    assert {case: found for case, found in differences.items() if found} == {}
