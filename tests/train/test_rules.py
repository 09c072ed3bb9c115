"""Update rules: every one against the formula in plain float64, over several iterations."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.train.rules import RULES

SETTINGS = SimpleNamespace(momentum=0.9, momentum2=0.99, delta=1e-3, rms_decay=0.8)
RATE = 0.05


def sgd(g, s, t):
    s["v"] = 0.9 * s.get("v", 0) + RATE * g
    return s["v"]


def nesterov(g, s, t):
    old = s.get("v", 0)
    s["v"] = 0.9 * old + RATE * g
    return 1.9 * s["v"] - 0.9 * old


def adagrad(g, s, t):
    s["h"] = s.get("h", 0) + g * g
    return RATE * g / (np.sqrt(s["h"]) + 1e-3)


def rmsprop(g, s, t):
    s["h"] = 0.8 * s.get("h", 0) + 0.2 * g * g
    return RATE * g / (np.sqrt(s["h"]) + 1e-3)


def adadelta(g, s, t):
    s["h"] = 0.9 * s.get("h", 0) + 0.1 * g * g
    u = g * np.sqrt((s.get("u", 0) + 1e-3) / (s["h"] + 1e-3))
    s["u"] = 0.9 * s.get("u", 0) + 0.1 * u * u
    return RATE * u


def adam(g, s, t):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.99 * s.get("v", 0) + 0.01 * g * g
    return RATE * np.sqrt(1 - 0.99 ** (t + 1)) / (1 - 0.9 ** (t + 1)) * s["m"] / (np.sqrt(s["v"]) + 1e-3)


PLAIN = {"SGD": sgd, "Nesterov": nesterov, "AdaGrad": adagrad, "RMSProp": rmsprop, "AdaDelta": adadelta, "Adam": adam}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_its_formula(name):
    rule, rng = RULES[name], np.random.default_rng(0)
    g, rate = ops.input_(shape=(5,), name="g"), ops.input_(shape=(5,), name="rate")
    memory = tuple(ops.input_(shape=(5,), name=f"m{k}") for k in range(rule.memories))
    update = rule.update(SETTINGS, g, memory, rate)
    graph = Graph("rule", {"step": update.step, **{f"m{k}": m for k, m in enumerate(update.memory)}})
    state, arrays = {}, {m.name: np.zeros(5) for m in memory}
    for t in range(4):
        arrays |= {"g": rng.normal(size=5), "rate": np.full(5, rule.rate(SETTINGS, RATE, t))}
        found = evaluate(graph, arrays, wide=True)
        np.testing.assert_allclose(found.pop("step"), PLAIN[name](arrays["g"], state, t), rtol=1e-5)
        arrays |= found
