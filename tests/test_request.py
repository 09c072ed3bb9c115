"""Memory budgets: what is computed twice so that a net fits."""

from __future__ import annotations

import numpy as np
import pytest

import tcaffe
from tcaffe.diagnostics import CompileError

LAYER = """
layer {{ name: "c{k}" type: "Convolution" bottom: "r{before}" top: "c{k}" convolution_param {{
  num_output: 8 kernel_size: 3 pad: 1 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "r{k}" type: "ReLU" bottom: "c{k}" top: "r{k}" }}
"""
NET = (
    """
name: "deep"
layer { name: "data" type: "Input" top: "r0" top: "label"
  input_param { shape { dim: 4 dim: 8 dim: 32 dim: 32 } shape { dim: 4 } } }
"""
    + "".join(LAYER.format(k=k, before=k - 1) for k in range(1, 13))
    + """
layer { name: "fc" type: "InnerProduct" bottom: "r12" top: "fc" inner_product_param { num_output: 5
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
)


def compiled(budget: int | None) -> tcaffe.Executable:
    return tcaffe.compile(NET, phase="TRAIN", gradients=True, memory_budget=budget, workers=1)


def test_a_net_keeps_to_its_budget_and_computes_the_same() -> None:
    plain = compiled(None)
    frugal = compiled(int(0.85 * plain.program.nbytes))
    assert frugal.program.nbytes <= 0.85 * plain.program.nbytes
    assert len(frugal.program.kernels) > len(plain.program.kernels)
    frugal.params.refresh(dict(plain.params))
    feed = {"r0": np.random.default_rng(0).normal(size=(4, 8, 32, 32)).astype(np.float32), "label": np.arange(4)}
    wanted, found = plain(**feed), frugal(**feed)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_budget_that_suffices_changes_nothing() -> None:
    plain = compiled(None)
    assert compiled(plain.program.nbytes).program.plan == plain.program.plan


def test_a_budget_nothing_fits_tells_the_least() -> None:
    with pytest.raises(CompileError, match=r"E0615.*at least [\d,]+ bytes.*budget is 1,000"):
        compiled(1000)


def test_inference_has_a_budget_too() -> None:
    with pytest.raises(CompileError, match="E0615"):
        tcaffe.compile(NET, phase="TRAIN", memory_budget=1000)
