"""Layers from outside the package: the examples of the documentation, in a process that knows nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(python)?\n(.*?)^```$", re.M | re.S)

USE = """
import json, sys
import numpy as np
import tcaffe
import outside

text = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }' + sys.argv[1]
x = np.array([[-9, 0, 1], [2, 3, 90]], np.float32)
exe = tcaffe.compile(text)
open("net.prototxt", "w").write(text)
net = tcaffe.Net("net.prototxt", tcaffe.TRAIN)
found = {"compiled": exe(x=x), "net": net.forward(x=x), "limit": {"c": net.params["c"][0].data}}
print(json.dumps({which: {name: value.tolist() for name, value in arrays.items()} for which, arrays in found.items()}))
"""

GRADIENT = """
import sys
import outside
from tcaffe.frontend.load import load_net
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.passes.differentiate import differentiate

net = load_net('layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }' + sys.argv[1])
x, (limit,) = net.blobs["x"], net.params["c"]
gradients = differentiate({net.blobs["z"]: ops.const(value=1, shape=(1, 3))}, [x, limit])
feed = {"x": [[-1, 0, 2]], "c.limit": [4, 4, 4]}
print({n.name: v.tolist() for n, v in zip(gradients, evaluate(Graph("g", dict(enumerate(gradients.values()))), feed,
                                                              wide=True).values())})
"""


@pytest.fixture
def run(tmp_path):
    """Runs a script next to a module with the layers of the documentation, on a net with the layers it shows."""
    blocks = BLOCK.findall((ROOT / "docs" / "adding-a-layer.md").read_text("utf-8"))
    (tmp_path / "outside.py").write_text("\n".join(text for language, text in blocks if language))
    layers = 'layer { name: "s" type: "SoftPlus" bottom: "x" top: "y" }' + "".join(t for la, t in blocks if not la)

    def start(script, change=("", "")):
        command = [sys.executable, "-c", script, layers.replace(*change)]
        return subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)

    return start


def test_layers_from_outside_compile_and_run_as_any_other(run):
    done = run(USE)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    x = np.array([[-9, 0, 1], [2, 3, 90]])
    wanted = 4 * np.tanh(np.logaddexp(0, x) / 4)
    np.testing.assert_allclose(found["compiled"]["z"], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["net"]["z"], wanted, rtol=1e-5, atol=1e-6)
    assert found["limit"]["c"] == [4, 4, 4]


def test_their_gradients_follow(run):
    done = run(GRADIENT)
    assert done.stderr == ""
    found = eval(done.stdout)  # names and lists of numbers of our own script
    x = np.array([-1.0, 0, 2])
    y = np.logaddexp(0, x)
    slope = 1 - np.tanh(y / 4) ** 2
    np.testing.assert_allclose(found["x"][0], slope / (1 + np.exp(-x)))
    np.testing.assert_allclose(found["c.limit"], np.tanh(y / 4) - y / 4 * slope)


def test_their_mistakes_are_told_like_any_other(run):
    refused = run(USE, ("limit: 4", "limit: -4")).stderr
    assert "layer `c`: the limit is -4" in refused
    assert "^" in refused and "it must be more than 0" in refused
    warned = run(USE, ("limit: 4", "limit: 4 lmit: 3"))
    assert warned.returncode == 0
