"""Vectors first: rule by rule."""

from __future__ import annotations

import pytest

from tcaffe.passes.vectors_first import vectors_first
from tests.passes.text import after, lines

INPUTS = "input %x: f32[2,3]\ninput %v: f32[3]\ninput %w: f32[3]\n"
V = "%a: f32[2,3] = broadcast(%v) {axes=[1]}\n"
W = "%b: f32[2,3] = broadcast(%w) {axes=[1]}\n"
RULES = {
    "factors of each channel are multiplied first": (
        INPUTS + V + W + "%y: f32[2,3] = mul(%x, %a)\n%z: f32[2,3] = mul(%y, %b)\nreturn %z",
        INPUTS + "%mul: f32[3] = mul(%v, %w)\n%broadcast: f32[2,3] = broadcast(%mul) {axes=[1]}\n"
        "%z: f32[2,3] = mul(%x, %broadcast)\nreturn %z",
    ),
    "twice is a factor": (
        "input %x: f32[2,3]\ninput %v: f32[3]\n" + V + "%y: f32[2,3] = mul(%x, %a)\n"
        "%z: f32[2,3] = add(%y, %y)\nreturn %z",
        "input %x: f32[2,3]\ninput %v: f32[3]\n%mul: f32[3] = mul(%v, 2.0)\n"
        "%broadcast: f32[2,3] = broadcast(%mul) {axes=[1]}\n%z: f32[2,3] = mul(%x, %broadcast)\nreturn %z",
    ),
    "a mask does without clamp and shift": (
        "input %x: f32[2,3]\ninput %v: f32[3]\n" + V + "%y: f32[2,3] = add(%x, %a)\n"
        "%r: f32[2,3] = maximum(%y, 0.0)\n%m: bool[2,3] = greater(%r, 0.0)\nreturn %m",
        "input %x: f32[2,3]\ninput %v: f32[3]\n%neg: f32[3] = neg(%v)\n"
        "%broadcast: f32[2,3] = broadcast(%neg) {axes=[1]}\n%m: bool[2,3] = greater(%x, %broadcast)\nreturn %m",
    ),
    "what others read stays": (
        "input %x: f32[2,3]\n%r: f32[2,3] = maximum(%x, 0.0)\n%m: bool[2,3] = greater(%r, 0.0)\nreturn %m, %r",
        "input %x: f32[2,3]\n%r: f32[2,3] = maximum(%x, 0.0)\n%m: bool[2,3] = greater(%r, 0.0)\nreturn %m, %r",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str) -> None:
    before, expected = RULES[name]
    assert after(vectors_first, before) == lines(expected)
