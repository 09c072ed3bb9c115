"""Tidied gradients: rule by rule."""

from __future__ import annotations

import pytest

from tcaffe.passes.tidy_gradients import tidy_gradients
from tests.passes.text import after, lines

WINDOW = "axes=[2,3], pad=[[0,0],[0,0]], size=[2,2], stride=[2,2]"
RULES = {
    "a number leaves a sum": (
        "input %x: f32[2,3]\n%y: f32[2,3] = mul(%x, 2.0)\n%s: f32[3] = reduce_sum(%y) {axes=[0]}\nreturn %s",
        "input %x: f32[2,3]\n%reduce_sum: f32[3] = reduce_sum(%x) {axes=[0]}\n"
        "%s: f32[3] = mul(%reduce_sum, 2.0)\nreturn %s",
    ),
    "a factor of each channel leaves the sum over images": (
        "input %x: f32[2,3]\ninput %c: f32[3]\n%b: f32[2,3] = broadcast(%c) {axes=[1]}\n%y: f32[2,3] = mul(%x, %b)\n"
        "%s: f32[3] = reduce_sum(%y) {axes=[0]}\nreturn %s",
        "input %x: f32[2,3]\ninput %c: f32[3]\n%reduce_sum: f32[3] = reduce_sum(%x) {axes=[0]}\n"
        "%broadcast: f32[3] = broadcast(%c) {axes=[0]}\n%s: f32[3] = mul(%reduce_sum, %broadcast)\nreturn %s",
    ),
    "what varies along the sum stays": (
        "input %x: f32[2,3]\ninput %c: f32[3]\n%b: f32[2,3] = broadcast(%c) {axes=[1]}\n%y: f32[2,3] = mul(%x, %b)\n"
        "%s: f32[2] = reduce_sum(%y) {axes=[1]}\nreturn %s",
        "input %x: f32[2,3]\ninput %c: f32[3]\n%b: f32[2,3] = broadcast(%c) {axes=[1]}\n%y: f32[2,3] = mul(%x, %b)\n"
        "%s: f32[2] = reduce_sum(%y) {axes=[1]}\nreturn %s",
    ),
    "a product is turned by turning its factors": (
        "input %x: f32[4,2]\ninput %y: f32[4,3]\n%a: f32[2,4] = transpose(%x) {order=[1,0]}\n"
        "%p: f32[2,3] = dot(%a, %y)\n%t: f32[3,2] = transpose(%p) {order=[1,0]}\nreturn %t",
        "input %y: f32[4,3]\ninput %x: f32[4,2]\n%transpose: f32[3,4] = transpose(%y) {order=[1,0]}\n"
        "%t: f32[3,2] = dot(%transpose, %x)\nreturn %t",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str) -> None:
    before, expected = RULES[name]
    assert after(tidy_gradients, before) == lines(expected)


def test_sums_over_an_image_need_no_places() -> None:
    text = after(
        tidy_gradients,
        f"input %x: f32[2,3,4,4]\ninput %g: f32[2,3,2,2]\n%p: u8[2,3,2,2] = pool_tap(%x) {{{WINDOW}}}\n"
        f"%u: f32[2,3,4,4] = unpool(%g, %p) {{{WINDOW}, shape=[2,3,4,4]}}\n"
        "%s: f32[3] = reduce_sum(%u) {axes=[0,2,3]}\nreturn %s",
    )
    assert "%s: f32[3] = reduce_sum(%g) {axes=[0,2,3]}" in text
    assert "pool" not in text


def test_a_rectifier_behind_a_maximum_is_masked_before_it_is_spread() -> None:
    text = after(
        tidy_gradients,
        f"input %y: f32[2,3,4,4]\ninput %g: f32[2,3,2,2]\n%p: u8[2,3,2,2] = pool_tap(%y) {{{WINDOW}}}\n"
        f"%u: f32[2,3,4,4] = unpool(%g, %p) {{{WINDOW}, shape=[2,3,4,4]}}\n%m: bool[2,3,4,4] = greater(%y, 0.0)\n"
        "%d: f32[2,3,4,4] = select(%m, %u, 0.0)\nreturn %d",
    )
    assert "kind=max" in text
    assert "select" in text and "f32[2,3,2,2] = select(" in text
