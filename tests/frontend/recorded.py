"""Cases recorded from the original: finding them, running them in the reference interpreter, comparing."""

import json
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcaffe.frontend.load import load_net
from tcaffe.frontend.parameters import owner_of, start_value
from tcaffe.ir import ops
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.verify import verify_graph
from tcaffe.passes.differentiate import differentiate
from tcaffe.pycaffe.backward import needing_gradients

OWN = Path(__file__).parents[1] / "golden"
SHARED = Path(__file__).parents[3] / "shared" / "golden"


@dataclass(frozen=True)
class Case:
    """A recorded pass, forward and often backward: its folder, what the manifest says of it, its arrays."""

    folder: Path
    about: dict

    def __str__(self):
        return self.about["path"]

    @property
    def arrays(self):
        return np.load(self.folder / "case.npz", allow_pickle=False)

    def group(self, prefix):
        """{"layer/0": array} of the arrays under `prefix/`."""
        arrays = self.arrays
        return {key.removeprefix(f"{prefix}/"): arrays[key] for key in arrays.files if key.startswith(f"{prefix}/")}

    def difference(self):
        """The recorded tops that lowering and evaluating in float64 does not give, with what was wrong."""
        net, wanted = self.load(), self.group("out")
        found = self.evaluate(net, {name: net.blobs[name] for name in wanted})
        return self.wrong({f"out/{name}": (found[name], value) for name, value in wanted.items()})

    def gradient_difference(self):
        """The recorded gradients of inputs and parameters that differentiating and evaluating does not give."""
        net, arrays = self.load(), self.arrays
        inputs, learning = {n.name: n for n in net.graph.inputs}, needing_gradients(net)
        sources = {f"din/{name}": inputs[name] for name in self.group("din")}
        params = {f"dparam/{key}": owner_of(self.parameter(net, key)) for key in self.group("dparam")}
        wanted = sources | {key: node for key, node in params.items() if node in learning}
        gradients = differentiate(self.seeds(net), wanted.values())
        found = self.evaluate(net, {key: gradients[node] for key, node in wanted.items() if node in gradients})
        none = {key: np.zeros(node.shape) for key, node in (sources | params).items()}  # what nothing depends on
        shaped = {key: value.reshape(arrays[key].shape) for key, value in (none | found).items()}
        return self.wrong({key: (value, arrays[key]) for key, value in shaped.items()})

    def load(self):
        """The lowered net, for inputs of the recorded shapes."""
        shapes = {name: value.shape for name, value in self.group("in").items()}
        with chdir(self.folder):  # what paths in the prototxt are relative to
            return load_net("net.prototxt", phase=self.about["phase"], inputs=shapes)

    def seeds(self, net):
        """The recorded gradients of tops, as inputs of a graph, and weights of losses that are read, too."""
        given = {name: ops.input_(shape=v.shape, name=f"dout/{name}") for name, v in self.group("dout").items()}
        weights = {k: w for k, w in net.loss_weights.items() if k not in given}
        given |= {name: ops.const(value=w, shape=net.blobs[name].shape) for name, w in weights.items()}
        seeds = {}
        for name, seed in given.items():
            top = net.blobs[name]
            seeds[top] = seeds[top] + seed if top in seeds else seed
        return seeds

    def evaluate(self, net, values):
        """The values of some nodes for the recorded inputs, parameters and gradients of tops."""
        graph = verify_graph(net.graph.with_outputs(values))
        seeds = {f"dout/{name}": value for name, value in self.group("dout").items()}
        return evaluate(graph, self.group("in") | self.parameters(net) | seeds, wide=True)

    def parameters(self, net):
        """The recorded parameters, and what layers carry at first, under the names of the graph."""
        carried = {p.node.name: start_value(p, np.random.default_rng(0)) for p in net.parameters if p.index is None}
        return carried | {self.parameter(net, key).name: value for key, value in self.group("param").items()}

    def parameter(self, net, key):
        """The parameter that `layer/0` stands for."""
        layer, index = key.rsplit("/", 1)
        return net.params[layer][int(index)]

    def wrong(self, checked):
        """What is wrong with values that were found, given by key beside what was recorded."""
        problems = {key: self.compare(key, found, wanted) for key, (found, wanted) in checked.items()}
        return {key: problem for key, problem in problems.items() if problem}

    def compare(self, key, found, wanted):
        """What is wrong with a value, or nothing."""
        if found.shape != wanted.shape:
            return f"shape {found.shape} instead of {wanted.shape}"
        finite = np.isfinite(wanted)
        np.testing.assert_array_equal(found[~finite], wanted[~finite])
        scale = np.abs(wanted[finite]).max(initial=0)
        worst = np.abs(found[finite] - wanted[finite]).max(initial=0)
        return "" if worst <= self.tolerance(key, scale) else f"differs by {worst:.3g} (largest value {scale:.3g})"

    def tolerance(self, key, scale):
        given = self.about.get("tol") or {}
        absolute = max(given.get("atol", 1e-5), given.get("atol_keys", {}).get(key, 0))
        return absolute + given.get("rtol", 1e-4) * scale


def cases(root):
    """The recorded passes of layers and nets under `root`; none if it is not there."""
    manifest = root / "manifest.json"
    if not manifest.exists():
        return []
    listed = json.loads(manifest.read_text("utf-8"))["cases"]
    wanted = (about for about in listed if about["path"].startswith(("layers/", "nets/")))
    return [Case(root / about["path"], about) for about in wanted if about["mode"] in ("f", "fb")]
