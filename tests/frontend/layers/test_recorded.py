"""Every layer gives what the original Caffe gave, forward and backward."""

import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.frontend.layers import CAFFE_TYPES, LAYERS
from tests.frontend.recorded import OWN, SHARED, cases

FED = {"Data", "HDF5Data", "ImageData", "WindowData", "MemoryData"}  # what they read is not part of the graph
HOSTED = {"Python", "HDF5Output", "Filter"}  # what they do is not, or of another size
BOTH_WAYS = [case for case in cases(OWN) if case.about["mode"] == "fb"]


@pytest.mark.parametrize("case", cases(OWN), ids=str)
def test_recorded(case):
    assert case.difference() == {}


@pytest.mark.parametrize("case", [case for case in BOTH_WAYS if not case.about.get("quirk")], ids=str)
def test_recorded_gradients(case):
    assert case.gradient_difference() == {}


@pytest.mark.parametrize("case", [case for case in BOTH_WAYS if case.about.get("quirk")], ids=str)
def test_gradients_of_the_original_that_are_no_derivatives(case):
    assert case.gradient_difference() != {}


def test_every_layer_type_of_caffe_has_recorded_cases():
    recorded = [set(case.about["types"]) for case in cases(OWN) if str(case).startswith("layers/")]
    few = {name for name in CAFFE_TYPES & LAYERS.keys() if sum(name in types for types in recorded) < 3} - FED - HOSTED
    assert few == {"Silence"}  # it makes nothing that could be recorded


@pytest.mark.skipif(not SHARED.exists(), reason="the full set of recorded cases is not here")
def test_everything_recorded():
    wrong = {}
    no_derivatives = {str(case) for case in BOTH_WAYS if case.about.get("quirk")}
    for case in cases(SHARED):
        if case.about["random"] or not set(case.about["types"]) <= set(LAYERS) - FED - HOSTED:
            continue
        both = case.about["mode"] == "fb" and str(case) not in no_derivatives
        try:
            if difference := case.difference() | (case.gradient_difference() if both else {}):
                wrong[str(case)] = difference
        except CompileError as error:
            wrong[str(case)] = str(error)
    assert wrong == {}
