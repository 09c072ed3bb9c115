"""Random numbers: Philox blocks side by side, in integers of 64 bits."""

from __future__ import annotations

import math

from tcaffe.codegen.numpy.blocks import Block, affine, begin_tasks, product
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.source import Source
from tcaffe.ir.ops.random import DROPPED_BITS, KEY_STEPS, MULTIPLIERS, ROUNDS, UNIT, WORD

LOCALS = ("first", "count", "fours", "a", "b", "c", "d", "spare", "seed", "step", "low", "high", "number", "word")

COUNTERS = """
{a}, {b}, {c}, {d}, {spare} = {words}[{worker}, :, :{fours}]
{a}.fill(1)
np.add.accumulate({a}, out={a})
np.add({a}, {first} // 4 - 1, out={a})
{b}.fill({stream})
{seed}, {step} = int({key}[0]), int({key}[1])
{c}.fill({step} % {WORD})
{d}.fill({step} // {WORD} % {WORD})
{low}, {high} = {seed} % {WORD}, {seed} // {WORD} % {WORD}
"""

ROUND = """
np.multiply({a}, {MULTIPLIERS[0]}, out={a})
np.multiply({c}, {MULTIPLIERS[1]}, out={c})
np.right_shift({c}, 32, out={spare})
np.bitwise_xor({spare}, {b}, out={spare})
np.bitwise_xor({spare}, {low}, out={spare})
np.bitwise_and({spare}, {MASK}, out={spare})
np.bitwise_and({c}, {MASK}, out={c})
np.right_shift({a}, 32, out={b})
np.bitwise_xor({b}, {d}, out={b})
np.bitwise_xor({b}, {high}, out={b})
np.bitwise_and({b}, {MASK}, out={b})
np.bitwise_and({a}, {MASK}, out={a})
{a}, {b}, {c}, {d}, {spare} = {spare}, {c}, {b}, {a}, {d}
{low}, {high} = ({low} + {KEY_STEPS[0]}) % {WORD}, ({high} + {KEY_STEPS[1]}) % {WORD}
"""
"""One round. The low half of a product is right in signed integers too; what a shift drags in is masked."""

NUMBERS = """
np.right_shift({word}, {DROPPED_BITS}, out={word})
np.multiply({word}, {UNIT}, out={numbers}[{worker}, :{fours}, {number}])
"""


def write_random(f: Function) -> None:
    """Each task mixes the fours that its elements lie in, and copies the numbers to their place."""
    node = f.kernel.nodes[-1]
    block = begin_tasks(f, tuple(range(len(node.shape))), node.shape, f.kernel.attrs["tile"])
    names: dict[str, object] = {name: f.fresh(name) for name in LOCALS}
    names |= {"key": f.arguments[node.inputs[0]], "stream": node.attrs["stream"], "worker": f.worker}
    names |= {"words": f.memory("words"), "numbers": f.memory("numbers")}
    names |= {"WORD": WORD, "MASK": WORD - 1, "MULTIPLIERS": MULTIPLIERS, "KEY_STEPS": KEY_STEPS}
    names |= {"DROPPED_BITS": DROPPED_BITS, "UNIT": UNIT}
    body, first = f.body, names["first"]
    body.line(f"{first} = {_first(block, node.shape)}")
    body.line(f"{names['count']} = {product(a.length for a in block.axes)}")
    body.line(f"{names['fours']} = ({first} + {names['count']} + 3) // 4 - {first} // 4")
    _write(body, COUNTERS, names)
    with body.block(f"for {names['number']} in range({ROUNDS}):"):
        _write(body, ROUND, names)
    four = ", ".join(str(names[word]) for word in "abcd")
    with body.block(f"for {names['number']}, {names['word']} in enumerate(({four})):"):
        _write(body, NUMBERS, names)
    body.line(f"np.copyto({f.arguments[node]}{block.index()}, {_wanted(f, block, first, names['count'])})")


def _write(body: Source, text: str, names: dict[str, object]) -> None:
    body.lines(*(line.format(**names) for line in text.strip().splitlines()))


def _first(block: Block, shape: tuple[int, ...]) -> str:
    """The row-major number of the first element of a block."""
    steps = (math.prod(shape[k + 1 :]) for k in range(len(shape)))
    terms = [affine(step, a.start, 0) for step, a in zip(steps, block.axes, strict=True) if a.start != "0"]
    return " + ".join(terms) or "0"


def _wanted(f: Function, block: Block, first: object, count: object) -> str:
    """The numbers of the block among all that were made, in its shape."""
    made = f"{f.memory('numbers')}[{f.worker}].reshape({4 * f.memory_type('numbers').shape[1]})"
    shape = ", ".join(a.length for a in block.axes) or "()"
    return f"{made}[{first} % 4:{first} % 4 + {count}].reshape({shape})"
