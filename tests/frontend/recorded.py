"""Cases recorded from the original: finding them, running them in the reference interpreter, comparing."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcaffe.frontend.load import load_net
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.verify import verify_graph

OWN = Path(__file__).parents[1] / "golden"
SHARED = Path(__file__).parents[3] / "shared" / "golden"


@dataclass(frozen=True)
class Case:
    """One recorded forward pass: its folder, what the manifest says of it, its arrays."""

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
        inputs = self.group("in")
        shapes = {name: value.shape for name, value in inputs.items()}
        net = load_net(self.folder / "net.prototxt", phase=self.about["phase"], inputs=shapes)
        wanted = self.group("out")
        graph = verify_graph(net.graph.with_outputs({name: net.blobs[name] for name in wanted}))
        found = evaluate(graph, inputs | self.parameters(net), wide=True)
        checked = {name: self.compare(name, found[name], wanted[name]) for name in wanted}
        return {name: problem for name, problem in checked.items() if problem}

    def parameters(self, net):
        """The recorded parameters, and zeros for what layers carry, under the names of the graph."""
        carried = {p.node.name: np.zeros(p.node.shape) for p in net.parameters if p.index is None}
        given = ((key.rsplit("/", 1), value) for key, value in self.group("param").items())
        return carried | {net.params[layer][int(index)].name: value for (layer, index), value in given}

    def compare(self, name, found, wanted):
        """What is wrong with a blob, or nothing."""
        if found.shape != wanted.shape:
            return f"shape {found.shape} instead of {wanted.shape}"
        finite = np.isfinite(wanted)
        np.testing.assert_array_equal(found[~finite], wanted[~finite])
        scale = np.abs(wanted[finite]).max(initial=0)
        worst = np.abs(found[finite] - wanted[finite]).max(initial=0)
        return "" if worst <= self.tolerance(name, scale) else f"differs by {worst:.3g} (largest value {scale:.3g})"

    def tolerance(self, name, scale):
        given = self.about.get("tol") or {}
        absolute = max(given.get("atol", 1e-5), given.get("atol_keys", {}).get(f"out/{name}", 0))
        return absolute + given.get("rtol", 1e-4) * scale


def cases(root):
    """The recorded forward passes of layers and nets under `root`; none if it is not there."""
    manifest = root / "manifest.json"
    if not manifest.exists():
        return []
    listed = json.loads(manifest.read_text("utf-8"))["cases"]
    wanted = (about for about in listed if about["path"].startswith(("layers/", "nets/")))
    return [Case(root / about["path"], about) for about in wanted if about["mode"] in ("f", "fb")]
