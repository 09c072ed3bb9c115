"""Two programs of one net, compared: the compiled one and the reference interpreter, blob by blob."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tcaffe.cli import cost, screen
from tcaffe.compiler import deploy
from tcaffe.frontend.lower import Lowered
from tcaffe.ir.graph import topological
from tcaffe.ir.interpret import walk
from tcaffe.ir.node import Node
from tcaffe.ir.target import Target
from tcaffe.request import Request
from tcaffe.runtime.executable import Executable

Values = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a blob is from the reference: `error` is the largest difference over the largest reference value.

    `place` is where it is, `got` and `expected` are the two numbers there. The blob is made by `layer`, in the file at
    `source`.
    """

    error: float
    place: tuple[int, ...]
    got: float
    expected: float
    blob: str = ""
    layer: str = ""
    source: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was found: each blob with all blobs `kept`, the outputs as they really run, and the first that differs."""

    kept: tuple[Difference, ...]
    fused: tuple[Difference, ...]
    first: Difference | None
    tolerance: float


class Checking:
    """A net with numbers to try it on."""

    def __init__(
        self, lowered: Lowered, parameters: Values, inputs: Values, tolerance: float, target: Target
    ) -> None:
        self.lowered, self.parameters, self.inputs = lowered, parameters, inputs
        self.tolerance, self.target = tolerance, target
        self.layers = {value: layer for layer in reversed(lowered.layers) for value in layer.values}
        needed = topological(lowered.blobs.values())
        at = {node: i for i, node in enumerate(needed)}
        computed = {name: node for name, node in lowered.blobs.items() if node.op.name not in ("input", "param")}
        self.blobs = dict(sorted(computed.items(), key=lambda item: at[item[1]]))

    def verdict(self, *, wide: bool) -> Verdict:
        """Run everything there is to compare."""
        with screen.progress("reference", cost.flops(self.lowered.graph.nodes)) as meter:
            expected = self._reference(wide, meter.advance)
        with screen.progress("compiling"):
            kept = self._compare(list(self.blobs), expected)
            outputs = [name for name in self.lowered.outputs if name in self.blobs]
            fused = self._compare(outputs, expected)
            first = next(filter(self.differs, kept), None)
            if first is None and any(map(self.differs, fused)):
                first = self._first_alone(expected)
        return Verdict(tuple(kept), tuple(fused), first, self.tolerance)

    def differs(self, difference: Difference) -> bool:
        """Whether an error is beyond what is allowed; one that is not a number always is."""
        return not difference.error <= self.tolerance

    def _reference(self, wide: bool, advance: Callable[[float], None]) -> Values:
        """Every blob as the reference interpreter computes it."""
        names = {node: name for name, node in self.blobs.items()}
        found: Values = {}

        def visit(node: Node, value: np.ndarray) -> None:
            advance(cost.flops([node]))
            if node in names:
                found[names[node]] = value

        walk(self.lowered.graph, {**self.parameters, **self.inputs}, visit, wide=wide)
        return {name: found[names[node]] for name, node in self.blobs.items()}

    def _compare(self, blobs: Sequence[str], expected: Values) -> list[Difference]:
        """The differences of `blobs` when they, and nothing else, are the outputs."""
        if not blobs:
            return []
        executable = deploy(self.lowered, self.parameters, Request(blobs), target=self.target)
        got = executable(**self._wanted(executable))
        return [self._difference(name, got[name], expected[name]) for name in blobs]

    def _first_alone(self, expected: Values) -> Difference:
        """The first blob that differs when it alone is kept, as what is fused before it depends on what is kept.

        Found by bisection: what depends on a wrong blob is wrong as a rule.
        """
        names = list(self.blobs)
        low, high = 0, len(names) - 1
        while low < high:
            middle = (low + high) // 2
            if any(map(self.differs, self._compare(names[middle : middle + 1], expected))):
                high = middle
            else:
                low = middle + 1
        return self._compare([names[low]], expected)[0]

    def _wanted(self, executable: Executable) -> Values:
        return {name: self.inputs[name] for name in executable.manifest.inputs}

    def _difference(self, name: str, got: np.ndarray, expected: np.ndarray) -> Difference:
        layer = self.layers.get(self.blobs[name])
        found = difference(got, expected)
        source = str(layer.span or "") if layer else ""
        return replace(found, blob=name, layer=layer.name if layer else "", source=source)


def difference(got: np.ndarray, expected: np.ndarray) -> Difference:
    """How far `got` is from `expected`. Where the reference is infinite or not a number, so must the other be."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    if not expected.size:
        return Difference(0.0, (), 0.0, 0.0)
    with np.errstate(all="ignore"):
        apart = np.abs(got - expected)
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        apart = np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
    place = tuple(int(i) for i in np.unravel_index(int(apart.argmax()), apart.shape))
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(float(finite.max(initial=0.0)), 1e-30)
    return Difference(float(apart[place]) / scale, place, float(got[place]), float(expected[place]))
