"""Ahead of time: kernels are compiled once, what they take is told, and what cannot be compiled is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tcaffe.codegen.triton import emit
from tcaffe.diagnostics import CompileError
from tcaffe.link import link
from tcaffe.runtime.gpu.ahead import compile_ahead
from tcaffe.runtime.gpu.binary import cache_folder
from tests.codegen.triton.nets import NETS
from tests.codegen.triton.run import program_of

pytest.importorskip("triton")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCAFFE_CACHE_DIR", str(tmp_path))


def linked(name: str):
    program = program_of(NETS[name].graph)
    emitted = emit(program)
    return link(program, emitted.functions, "cuda:sm_90", launches=emitted.launches), emitted.source


def test_kernels_are_compiled_once_and_damaged_files_again() -> None:
    manifest, source = linked("conv plain")
    told: list[int] = []
    first = compile_ahead(manifest, source, "sm_90", 1, lambda ready, count: told.append(ready))
    assert told == list(range(1, len(told) + 1)) and told
    assert all(b.facts.spilled == 0 and b.facts.registers > 0 and b.code for b in first)
    assert any(b.facts.tensor for b in first)
    assert compile_ahead(manifest, source, "sm_90", 1, lambda ready, count: pytest.fail("again")) == first
    for path in cache_folder().glob("*.bin"):
        path.write_bytes(b"damaged")
    again = compile_ahead(manifest, source, "sm_90", 1)
    assert [b.facts.registers for b in again] == [b.facts.registers for b in first]


def test_what_cannot_be_compiled_is_named() -> None:
    manifest, source = linked("conv plain")
    call = manifest.calls[-1]
    launches = tuple(replace(launch, constants={**launch.constants, "ROWS": 3}) for launch in call.launches)
    broken = replace(manifest, calls=(*manifest.calls[:-1], replace(call, launches=launches)))
    with pytest.raises(CompileError, match=f"E0629: kernel `{call.function}` cannot be compiled for sm_90"):
        compile_ahead(broken, source, "sm_90", 1)
