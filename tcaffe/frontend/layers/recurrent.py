"""Recurrent layers, unrolled over time: every step of a sequence is a part of the graph, on the same parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tcaffe.frontend.layers.common import along, reshaped, sigmoid
from tcaffe.frontend.layers.registry import layer
from tcaffe.frontend.layers.view import LayerView
from tcaffe.ir.node import Node
from tcaffe.ir.ops import broadcast, concat, detach, dot, slice_, tanh, transpose

MOST_STEPS = 1024  # of a sequence that is unrolled

Nodes = tuple[Node, ...]
Step = Callable[[Node, Node, Nodes], tuple[Node, Nodes]]
"""What one step makes of its input, of the weight of what came before, and of its states: an output, new states."""


@dataclass(frozen=True)
class Sequence:
    """What a recurrent layer reads: `x` [T*N, I], `marks` [T, N], `constant` [N, S] if given, `states` [N, D] at start.

    A mark weighs the states from the step before: 0 begins a new sequence. No gradient reaches marks and states.
    """

    x: Node
    marks: Node
    constant: Node | None
    states: Nodes
    held: Nodes


@layer("LSTM", param="recurrent_param", tops=(1, 3), in_place=False)
def lstm(x: Node, marks: Node, *more: Node, p: LayerView) -> Node | Nodes:
    """Long short-term memory: c = m f c + i g, the output is o tanh(c).

    i, f and o are sigmoids, g is a tanh, each of a linear function of the input and of m h, where h is the last output.
    """
    sequence, width = _read(x, marks, more, ("h", "c"), p), p.num_output
    drive = _drive(sequence, 4 * width, p)
    w = _turned(p.blob("w_h", (4 * width, width), p.weight_filler))

    def step(driven: Node, mark: Node, states: Nodes) -> tuple[Node, Nodes]:
        h, c = states
        c, h = _unit(c, driven + dot(mark * h, w), mark)
        return h, (h, c)

    return _unrolled(step, drive, sequence, p)


@layer("RNN", param="recurrent_param", tops=(1, 2), in_place=False)
def rnn(x: Node, marks: Node, *more: Node, p: LayerView) -> Node | Nodes:
    """h = tanh of a linear function of the input and of m times the last h; the output is tanh of one of h."""
    sequence, width = _read(x, marks, more, ("h",), p), p.num_output
    drive = _drive(sequence, width, p)
    w_h, w_o = (_turned(p.blob(role, (width, width), p.weight_filler)) for role in ("w_h", "w_o"))
    bias = p.blob("b_o", (width,), p.bias_filler)

    def step(driven: Node, mark: Node, states: Nodes) -> tuple[Node, Nodes]:
        h = tanh(driven + dot(mark * states[0], w_h))
        y = dot(h, w_o)
        return tanh(y + along(bias, y, 1)), (h,)

    return _unrolled(step, drive, sequence, p)


@layer("LSTMUnit", tops=2, in_place=False)
def lstm_unit(c: Node, gates: Node, marks: Node, p: LayerView) -> Nodes:
    """One step of an LSTM: from the last cell state [1, N, D], gate inputs [1, N, 4 D] and marks [1, N], c and h."""
    p.require_axes(c, 3, 3)
    one, count, width = c.shape
    shapes = f"the bottoms have shapes {list(c.shape)}, {list(gates.shape)} and {list(marks.shape)}"
    fits = (one, gates.shape, marks.shape) == (1, (1, count, 4 * width), (1, count))
    p.require(fits, "", shapes, "they must be [1, N, D], [1, N, 4 D] and [1, N]")
    flat = (reshaped(c, (count, width)), reshaped(gates, (count, 4 * width)))
    mark = broadcast(reshaped(detach(marks), (count,)), axes=(0,), shape=(count, width))
    new, h = _unit(*flat, mark)
    return reshaped(new, c.shape), reshaped(h, c.shape)


def _unit(c: Node, gates: Node, mark: Node) -> tuple[Node, Node]:
    """The cell state after a step, and its output; the gates stand side by side in the order i, f, o, g."""
    count, width = c.shape
    i, f, o, g = (slice_(gates, begin=(0, k * width), end=(count, (k + 1) * width)) for k in range(4))
    c = mark * sigmoid(f) * c + sigmoid(i) * tanh(g)
    return c, sigmoid(o) * tanh(c)


def _read(x: Node, marks: Node, more: Nodes, names: tuple[str, ...], p: LayerView) -> Sequence:
    """The bottoms, checked: x [T, N, ...], marks [T, N], maybe a constant input [N, ...], maybe states [1, N, D]."""
    p.require(len(x.shape) >= 2, "", f"bottom 0 has shape {list(x.shape)}", "it must be [T, N, ...]")
    steps, count = x.shape[:2]
    p.require(0 < steps <= MOST_STEPS, "", f"a sequence of {steps} steps", f"it may have 1 to {MOST_STEPS}")
    _require_shape(p, "bottom 1", marks, (steps, count))
    state = (1, count, p.positive("num_output"))
    constant, given = _apart(more, names, p)
    if constant is not None:
        _require_shape(p, "bottom 2", constant, (count, *constant.shape[1:]))
        constant = reshaped(constant, (count, math.prod(constant.shape[1:])))
    for name, value in zip(names, given, strict=False):
        _require_shape(p, f"the state {name}", value, state)
    held = () if p.expose_hidden else tuple(p.state(name, state) for name in names)
    states = tuple(reshaped(detach(s), state[1:]) for s in given or held)
    return Sequence(reshaped(x, (steps * count, math.prod(x.shape[2:]))), detach(marks), constant, states, held)


def _apart(more: Nodes, names: tuple[str, ...], p: LayerView) -> tuple[Node | None, Nodes]:
    """The bottoms behind the marks: a constant input, if there is one, and the states, if they are exposed."""
    exposed = len(names) if p.expose_hidden else 0
    also = f", then {' and '.join(names)}, as bottoms and as tops" if exposed else ""
    fits = exposed <= len(more) <= exposed + 1 and p.tops == 1 + exposed
    message = f"{p.kind.name} has {2 + len(more)} bottoms and {p.tops} tops"
    p.require(fits, "", message, f"it takes x, marks and maybe a constant input{also}")
    return (more[0] if len(more) > exposed else None), more[len(more) - exposed :]


def _require_shape(p: LayerView, what: str, x: Node, shape: tuple[int, ...]) -> None:
    p.require(x.shape == shape, "", f"{what} has shape {list(x.shape)}", f"it must be {list(shape)}")


def _drive(sequence: Sequence, width: int, p: LayerView) -> Node:
    """What the inputs add to every step: [T, N, width]."""
    steps, count = sequence.marks.shape
    w = p.blob("w_x", (width, sequence.x.shape[1]), p.weight_filler)
    bias = p.blob("b", (width,), p.bias_filler)
    y = dot(sequence.x, _turned(w))
    drive = reshaped(y + along(bias, y, 1), (steps, count, width))
    if sequence.constant is None:
        return drive
    w = p.blob("w_static", (width, sequence.constant.shape[1]), p.weight_filler)
    return drive + along(dot(sequence.constant, _turned(w)), drive, 1, 2)


def _unrolled(step: Step, drive: Node, sequence: Sequence, p: LayerView) -> Node | Nodes:
    """The outputs of all steps [T, N, D], and the last states, each [1, N, D], where they are tops."""
    (steps, count, width), states = drive.shape, sequence.states
    outputs = []
    for t in range(steps):
        driven = reshaped(slice_(drive, begin=(t, 0, 0), end=(t + 1, count, width)), (count, width))
        mark = reshaped(slice_(sequence.marks, begin=(t, 0), end=(t + 1, count)), (count,))
        output, states = step(driven, broadcast(mark, axes=(0,), shape=states[0].shape), states)
        outputs.append(reshaped(output, (1, *output.shape)))
    last = tuple(reshaped(detach(s), (1, *s.shape)) for s in states)
    for state, value in zip(sequence.held, last, strict=False):
        p.update(state, value)
    y = concat(*outputs, axis=0)
    return y if sequence.held else (y, *last)


def _turned(w: Node) -> Node:
    """A matrix with its rows as columns."""
    return transpose(w, order=(1, 0))
