"""Where the layers went: which kernel computes which layers of the prototxt, and which need no kernel at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tcaffe.cli.cost import flops
from tcaffe.frontend.lower import Lowered, LoweredLayer
from tcaffe.ir.graph import topological
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program

SOURCES = "input"
GRADIENT = "d."  # what names of gradients begin with


@dataclass(frozen=True)
class Origins:
    """The layers of each kernel of a program, in the order of the prototxt.

    A layer belongs to the kernels that compute a value of its name. One of which no value is left has been folded
    into parameters, and belongs to the kernels that read them. One of which nothing is left did no work.
    """

    lowered: Lowered
    program: Program

    @cached_property
    def by_kernel(self) -> tuple[tuple[LoweredLayer, ...], ...]:
        """The layers of each kernel."""
        computed = [{i for node in k.nodes if (i := self._layer_of(node)) is not None} for k in self.program.kernels]
        present = set().union(*computed)
        for found, kernel in zip(computed, self.program.kernels, strict=True):
            found |= set(self._folded(kernel)) - present
        return tuple(tuple(self.lowered.layers[i] for i in sorted(found)) for found in computed)

    @cached_property
    def absent(self) -> tuple[LoweredLayer, ...]:
        """The layers that are in no kernel: inputs, and those that only name or arrange bytes."""
        present = {id(layer) for layers in self.by_kernel for layer in layers}
        return tuple(layer for layer in self.lowered.layers if id(layer) not in present)

    @cached_property
    def leaders(self) -> tuple[LoweredLayer | None, ...]:
        """The layer that most of each kernel's operations are of; None for a kernel of no layer."""
        return tuple(map(self._leader, self.program.kernels, self.by_kernel))

    def words(self) -> tuple[tuple[str, ...], ...]:
        """The types of each kernel's layers, in order of first appearance: ("2 Convolution", "ReLU")."""
        return tuple(tuple(_counted(layer.type for layer in layers)) for layers in self.by_kernel)

    def _leader(self, kernel: Kernel, layers: tuple[LoweredLayer, ...]) -> LoweredLayer | None:
        work = Counter({id(layer): 0 for layer in layers})
        for node in kernel.nodes:
            if (i := self._layer_of(node)) is not None:
                work[id(self.lowered.layers[i])] += flops([node])
        return max(layers, key=lambda layer: work[id(layer)], default=None)

    def _folded(self, kernel: Kernel) -> Iterator[int]:
        """The layers whose parameters the kernel's are made of."""
        prepared = self.program.prepare.outputs
        made_of = [prepared[p.name] for p in kernel.params if p.name in prepared]
        for node in topological(made_of):
            yield from self._owners.get(node.name, ()) if node.op.name == "param" else ()

    def _layer_of(self, node: Node) -> int | None:
        """The layer that a node is named after: `conv1` is a value of a layer, `conv1.bias` one within it.

        `d.conv1.bias` is a gradient of that, unless the net itself has something of this name.
        """
        gradient = node.name.startswith(GRADIENT) and node.name not in self._forward
        found = self._layer_called(node.name.removeprefix(GRADIENT)) if gradient else None
        return self._layer_called(node.name) if found is None else found

    def _layer_called(self, name: str) -> int | None:
        if name in self._values:
            return self._values[name]
        while name:
            name = name.rpartition(".")[0]
            if name in self._labels:
                return self._labels[name]
        return None

    @cached_property
    def _forward(self) -> frozenset[str]:
        return frozenset(node.name for node in self.lowered.graph.nodes)

    @cached_property
    def _values(self) -> Mapping[str, int]:
        named = [(v.name, i) for i, layer in enumerate(self.lowered.layers) for v in layer.values]
        return dict(reversed(named))

    @cached_property
    def _labels(self) -> Mapping[str, int]:
        return {layer.name: i for i, layer in reversed(list(enumerate(self.lowered.layers))) if layer.name}

    @cached_property
    def _owners(self) -> Mapping[str, list[int]]:
        """The layers that use each parameter of the net, by its name."""
        found: dict[str, list[int]] = {}
        for i, layer in enumerate(self.lowered.layers):
            for node in topological(layer.params):
                if node.op.name == "param":
                    found.setdefault(node.name, []).append(i)
        return found


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How many layers of a type there are, how many kernels they lead, and what became of the others."""

    type: str
    layers: int
    kernels: int
    others: str


def by_type(origins: Origins) -> list[TypeCount]:
    """A line a layer type, in the order of first appearance. A kernel is led by the first of its layers."""
    leaders = Counter(layers[0].type for layers in origins.by_kernel if layers)
    layers = Counter(layer.type for layer in origins.lowered.layers)
    return [TypeCount(kind, number, leaders[kind], _others(origins, kind)) for kind, number in layers.items()]


def _others(origins: Origins, kind: str) -> str:
    """What became of the layers of a type that lead no kernel."""
    hosts = _once(layers[0].type for layers in origins.by_kernel for layer in layers[1:] if layer.type == kind)
    said = [f"in {_list(f'the same {host}' if host == kind else host for host in hosts)}"] if hosts else []
    absent = [layer for layer in origins.absent if layer.type == kind]
    if absent:
        said.append("fed by the caller" if _is_source(absent[0]) else "no work left")
    return ", ".join(said)


def _is_source(layer: LoweredLayer) -> bool:
    return any(value.op.name == SOURCES for value in layer.values)


def _list(words: Iterable[str]) -> str:
    found = list(words)
    return ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _counted(words: Iterable[str]) -> Iterator[str]:
    for word, number in Counter(words).items():
        yield f"{number} {word}" if number > 1 else word
