"""Layout: images channels last, vectors row-major, and no copy where one is flattened for a dot."""

from __future__ import annotations

from tcaffe.passes.layout import layout
from tcaffe.passes.permute_weights import permute_weights
from tests.passes.text import after, lines


def test_images_lie_channels_last_and_the_dot_follows() -> None:
    text = """\
        input %x: f32[1,2,4,4]
        param %w: f32[3,2,1,1]
        param %v: f32[48,5]
        %y: f32[1,3,4,4] = conv(%x, %w) {dilation=[1,1], pad=[0,0], stride=[1,1]}
        %r: f32[1,3,4,4] = maximum(%y, 0.0)
        %f: f32[1,48] = reshape(%r)
        %z: f32[1,5] = dot(%f, %v)
        return %z"""
    assert after(lambda graph: layout(permute_weights(graph)), lines(text)) == lines("""\
        input %x: f32[1,2,4,4]
        param %w: f32[3,2,1,1]
        param %v: f32[48,5]
        %y: f32[1,3,4,4]{0,2,3,1} = conv(%x, %w) {dilation=[1,1], pad=[0,0], stride=[1,1]}
        %r: f32[1,3,4,4]{0,2,3,1} = maximum(%y, 0.0)
        %f.image: f32[1,4,4,3] = transpose(%r) {order=[0,2,3,1]}
        %f: f32[1,48] = reshape(%f.image)
        %v.rows: f32[3,4,4,5] = reshape(%v)
        %transpose: f32[4,4,3,5] = transpose(%v.rows) {order=[1,2,0,3]}
        %v'1: f32[48,5] = reshape(%transpose)
        %z: f32[1,5] = dot(%f, %v'1)
        return %z""")
