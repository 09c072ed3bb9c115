"""Simplify: rule by rule."""

from __future__ import annotations

import pytest

from tcaffe.passes.simplify import simplify
from tests.passes.text import after, lines

RULES = {
    "adding nothing": (
        "input %x: f32[2]\n%y: f32[2] = add(%x, 0.0)\n%z: f32[2] = exp(%y)\nreturn %z",
        "input %x: f32[2]\n%z: f32[2] = exp(%x)\nreturn %z",
    ),
    "times one, over one, to the power of one": (
        "input %x: f32[2]\n%a: f32[2] = mul(1.0, %x)\n%b: f32[2] = div(%a, 1.0)\n%c: f32[2] = pow(%b, 1.0)\n"
        "%z: f32[2] = exp(%c)\nreturn %z",
        "input %x: f32[2]\n%z: f32[2] = exp(%x)\nreturn %z",
    ),
    "a square": (
        "input %x: f32[2]\n%y: f32[2] = pow(%x, 2.0)\nreturn %y",
        "input %x: f32[2]\n%y: f32[2] = mul(%x, %x)\nreturn %y",
    ),
    "numbers": (
        "input %x: f32[2]\n%two: f32[2] = const() {value=2.0}\n%four: f32[2] = mul(%two, %two)\n"
        "%y: f32[2] = add(%x, %four)\nreturn %y",
        "input %x: f32[2]\n%y: f32[2] = add(%x, 4.0)\nreturn %y",
    ),
    "reshapes": (
        "input %x: f32[2,3]\n%a: f32[6] = reshape(%x)\n%b: f32[3,2] = reshape(%a)\n"
        "%c: f32[3,2] = reshape(%b)\nreturn %c",
        "input %x: f32[2,3]\n%c: f32[3,2] = reshape(%x)\nreturn %c",
    ),
    "transposes": (
        "input %x: f32[2,3,4]\n%a: f32[4,2,3] = transpose(%x) {order=[2,0,1]}\n"
        "%b: f32[2,3,4] = transpose(%a) {order=[1,2,0]}\n%c: f32[2,3,4] = exp(%b)\nreturn %c",
        "input %x: f32[2,3,4]\n%c: f32[2,3,4] = exp(%x)\nreturn %c",
    ),
    "slices": (
        "input %x: f32[2,9]\n%a: f32[2,4] = slice(%x) {begin=[0,1], end=[2,9], stride=[1,2]}\n"
        "%b: f32[1,2] = slice(%a) {begin=[1,1], end=[2,3]}\nreturn %b",
        "input %x: f32[2,9]\n%b: f32[1,2] = slice(%x) {begin=[1,3], end=[2,6], stride=[1,2]}\nreturn %b",
    ),
    "clamps": (
        "input %x: f32[2]\n%a: f32[2] = maximum(%x, 0.0)\n%b: f32[2] = maximum(%a, 0.0)\n"
        "%c: f32[2] = exp(%b)\nreturn %c",
        "input %x: f32[2]\n%a: f32[2] = maximum(%x, 0.0)\n%c: f32[2] = exp(%a)\nreturn %c",
    ),
    "equal nodes": (
        "input %x: f32[2]\n%a: f32[2] = exp(%x)\n%b: f32[2] = exp(%x)\n%c: f32[2] = add(%a, %b)\nreturn %c",
        "input %x: f32[2]\n%a: f32[2] = exp(%x)\n%c: f32[2] = add(%a, %a)\nreturn %c",
    ),
    "slices of everything, sums with other numbers stay": (
        "input %x: f32[2,3]\n%a: f32[2,3] = slice(%x) {begin=[0,0], end=[2,3]}\n%b: f32[2,3] = add(%a, 0.5)\nreturn %b",
        "input %x: f32[2,3]\n%b: f32[2,3] = add(%x, 0.5)\nreturn %b",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str) -> None:
    before, expected = RULES[name]
    assert after(simplify, before) == lines(expected)


def test_parameters_of_one_shape_are_not_one_parameter() -> None:
    text = "param %a: f32[2]\nparam %b: f32[2]\n%c: f32[2] = add(%a, %b)\nreturn %c"
    assert after(simplify, text) == text
