"""Random numbers: ten rounds of Philox give four of them at once."""

from __future__ import annotations

from tcaffe.codegen.triton.choices import flat_block
from tcaffe.codegen.triton.function import Function, within
from tcaffe.ir.ops.random import DROPPED_BITS, UNIT

WORDS = 4


def write_random(f: Function) -> None:
    """Uniform numbers in [0, 1): the bits that ir/ops/random.py defines, on every target."""
    anchor = f.kernel.anchor
    assert anchor is not None
    count = -(-anchor.type.size // WORDS)
    block, f.warps = flat_block(count, f.grain)
    f.sizes["BLOCK"], f.programs = block, -(-count // block)
    key = f.pointers[anchor.inputs[0]]
    f.body.lines(
        "counter = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
        f"seed = tl.load({key})",
        f"step = tl.load({key} + 1)",
        f"stream = tl.full([BLOCK], {anchor.attrs['stream']}, tl.uint32)",
        "low = (step & 0xFFFFFFFF).to(tl.uint32) + stream * 0",
        "high = (step >> 32 & 0xFFFFFFFF).to(tl.uint32) + stream * 0",
        "a, b, c, d = tl.philox(seed, counter.to(tl.uint32), stream, low, high)",
        f"words = tl.reshape(tl.join(tl.join(a, c), tl.join(b, d)), [BLOCK * {WORDS}])",
        f"number = (words >> {DROPPED_BITS}).to(tl.float32) * {UNIT!r}",
        f"element = tl.program_id(0) * BLOCK * {WORDS} + tl.arange(0, BLOCK * {WORDS})",
    )
    inside = within("element", anchor.type.size, block * WORDS)
    mask = f", mask={inside}" if inside else ""
    f.body.line(f"tl.store({f.pointers[anchor]} + element, number{mask})")
