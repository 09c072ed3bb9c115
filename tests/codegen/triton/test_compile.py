"""Emitted kernels compile ahead of time, without a GPU, and fit into its registers and its shared memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.codegen.triton.nets import NETS, OPS, lenet
from tests.codegen.triton.run import compile_for

SHARED_MEMORY = {80: 166912, 90: 232448}
"""Bytes a program may have."""
GALLERY = (
    *("conv in groups, tap by tap", "conv in space", "learned leak", "siblings", "dot of items", "argmax pool"),
    *("layer squashed", "layer normalised", "softmax in place", "to one number", "joined inputs", "steps"),
    *("op pow", "op cast", "op select"),
)
"""Nets and ops whose kernels show every frame and what is spelled by a function."""


@pytest.mark.parametrize(("architecture", "gallery"), [(80, ()), (90, GALLERY)])
def test_kernels_fit_into_their_registers(architecture: int, gallery: tuple[str, ...], tmp_path: Path) -> None:
    cases = {"lenet": lenet(64)} | {name: (NETS | OPS)[name] for name in gallery}
    found = compile_for(architecture, {name: case.write(tmp_path / name) for name, case in cases.items()})
    layers = ["conv1", "pool1", "conv2", "pool2", "ip1_relu1", "ip2", "prob"]
    assert [name for name in found["lenet"] if not name.endswith("_sum")] == layers
    for kernel, needs in ((k, n) for report in found.values() for k, n in report.items()):
        assert needs["stack"] == 0, f"{kernel} spills registers"
        assert needs["shared"] <= SHARED_MEMORY[architecture], kernel
