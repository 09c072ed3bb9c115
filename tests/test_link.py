"""Linking: where a planned program says values lie is where the manifest says they lie."""

import json
from dataclasses import replace

import pytest

from tcaffe.ir.parser import parse_program
from tcaffe.link import link
from tcaffe.runtime.decode import parse_manifest
from tcaffe.runtime.manifest import Call, Parameter, View

PLANNED = """
program @net {
  buffer %data: 128 live 0 to 1 @ arena+0x0
  buffer %fc: 64 live 0 to 2 @ arena+0x80
  buffer %fc.tile: 192 live 0 to 1 @ arena+0xc0
  input %data: f32[4,8] @ %data+0x0 [32,4]
  param %fc.w: f32[8,4]
  kernel @fc {algorithm=gemm, anchor=fc} {
    scratch %fc.tile: f32[2,6,4] @ %fc.tile+0x0 [96,16,4]
    pack %fc.w.packed: f32[4,8] = %fc.w
    store %fc: f32[4,4] = dot(%data, %fc.w) @ %fc+0x0 [16,4]
  }
  view %half: f32[4,2] = slice(%fc) {begin=[0,2], end=[4,4]} @ %fc+0x8 [16,4]
  return prob=%half
}
prepare graph @net {
  param %fc.w: f32[8,4]
  %fc.w.packed: f32[4,8] = transpose(%fc.w) {order=[1,0]}
  return %fc.w.packed
}
"""


@pytest.fixture
def manifest():
    return link(parse_program(PLANNED), ("fc",), workers=2)


def test_offsets_are_counted_from_the_start_of_the_arena(manifest):
    assert manifest.views == (
        View("data", "float32", (4, 8), (32, 4), 0),
        View("fc", "float32", (4, 4), (16, 4), 128),
        View("half", "float32", (4, 2), (16, 4), 136),
        View("fc.tile", "float32", (2, 6, 4), (96, 16, 4), 192),
    )


def test_a_call_names_what_its_kernel_reads_and_stores(manifest):
    assert manifest.calls == (Call("fc", ("data",), ("fc.w.packed",), ("fc",), ("fc.tile",)),)
    assert (manifest.inputs, manifest.outputs) == (("data",), {"prob": "half"})


def test_parameters_are_listed_in_the_form_in_which_they_are_read(manifest):
    assert manifest.params == (Parameter("fc.w.packed", "float32", (4, 8), 0),)


def test_a_manifest_reads_back_from_its_json(manifest):
    assert parse_manifest(json.dumps(manifest.json())) == manifest


def test_a_program_without_a_plan_cannot_be_linked():
    with pytest.raises(ValueError, match="not planned"):
        link(replace(parse_program(PLANNED), plan=None), ("fc",))
