"""Lowering: from layers with named blobs to one graph of core ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import Message

from tcaffe.diagnostics import CompileError, Diagnostic, Reporter, Span, suggest
from tcaffe.frontend.layers import LAYERS, LayerType, LayerView
from tcaffe.frontend.layers.known import CAFFE_TYPES, FORK_OF
from tcaffe.frontend.layers.view import Shape
from tcaffe.frontend.naming import Names, named_tops
from tcaffe.frontend.sharing import Parameter, Parameters
from tcaffe.frontend.wiring import Version, Wiring
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node, naming
from tcaffe.ir.types import IRError
from tcaffe.schema import caffe_pb2

AUTOMATIC = "(automatic)"
Locate = Callable[..., Span | None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoweredLayer:
    """A layer of the net and the values of its tops and parameters.

    `tops` may end with "(automatic)" for a loss the prototxt does not name. A parameter shared under another shape
    is a reshape of its owner's.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    values: tuple[Node, ...]
    params: tuple[Node, ...]
    loss_weights: tuple[float, ...]
    span: Span | None


@dataclass(frozen=True)
class Lowered:
    """A net as one graph, and how the names of the prototxt map to it.

    `graph.outputs` and `blobs` hold the last version of every blob; `inputs` are the graph's inputs in order and
    `outputs` the blobs nobody reads, alphabetically. `parameters` stand in the order they first appear. `message` is
    the net after upgrade and filter.
    """

    name: str
    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: tuple[LoweredLayer, ...]
    parameters: tuple[Parameter, ...]
    warnings: tuple[Diagnostic, ...]
    message: Message

    @property
    def blobs(self) -> Mapping[str, Node]:
        """The last version of every blob, in the order the names first appear."""
        return self.graph.outputs

    @property
    def params(self) -> Mapping[str, tuple[Node, ...]]:
        """The parameters of each layer that has any; of layers of one name the first."""
        return {layer.name: layer.params for layer in reversed(self.layers) if layer.params}

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The weight of each blob that counts as a loss."""
        weighed = ((top, w) for layer in self.layers for top, w in zip(layer.tops, layer.loss_weights, strict=True))
        return {top: w for top, w in weighed if w}


@dataclass(frozen=True, slots=True)
class AskedShapes:
    """The shapes the caller wants of the graph's inputs: by name, and the first axis of all others."""

    shapes: Mapping[str, Shape]
    batch: int | None = None

    def of(self, top: str, default: Shape | None) -> Shape | None:
        """The shape of the input `top`, `default` unless the caller says otherwise."""
        if top in self.shapes:
            return tuple(map(int, self.shapes[top]))
        return default if self.batch is None or not default else (self.batch, *default[1:])


def lower(net: Any, *, phase: str, asked: AskedShapes, locate: Locate, warnings: Sequence[Diagnostic] = ()) -> Lowered:
    """The graph of an upgraded and filtered NetParameter. `locate(index, *path)` finds a field of a layer in the file.

    Raises CompileError with every problem of every layer.
    """
    lowering = Lowering(net, phase, asked, locate)
    lowering.reporter.extend(warnings)
    for index, layer in enumerate(net.layer):
        lowering.add(index, layer)
    return lowering.finish()


class Lowering:
    """The net while its layers are added one by one, in file order."""

    def __init__(self, net: Any, phase: str, asked: AskedShapes, locate: Locate) -> None:
        self.net = net
        self.phase = phase
        self.asked = asked
        self.locate = locate
        self.reporter = Reporter()
        self.layers: list[LoweredLayer] = []
        self.inputs: list[str] = []
        self.wiring = Wiring()
        self.names = Names(top for layer in net.layer for top in layer.top)
        self.parameters = Parameters(self.names.unique)
        self._current: list[Node] = []  # the parameters of the layer being added

    def blob(self, p: LayerView, role: str, shape: Shape, filler: Message | None, learned: bool) -> Node:
        """The next parameter of the layer being added."""
        self._current.append(self.parameters.take(p, len(self._current), role, shape, filler, learned))
        return self._current[-1]

    def input_shape(self, top: str, default: Shape | None) -> Shape | None:
        """The shape of the graph's input `top`."""
        return self.asked.of(top, default)

    def is_fed(self, top: str) -> bool:
        """Whether the caller gives `top` a shape."""
        return top in self.asked.shapes

    def add(self, index: int, layer: Any) -> None:
        """Lower one layer; what is wrong with it is reported, and its tops stay unknown."""

        def locate(*path: str | int) -> Span | None:
            return self.locate(index, *path)

        def read(i: int, name: str) -> Node | None:
            return self.wiring.read(name, layer.name, i, locate("bottom", i))

        def write(i: int, name: str) -> Version:
            weighted = i < len(layer.loss_weight) and layer.loss_weight[i] != 0
            return self.wiring.write(name, layer.name, i, layer.bottom, weighted, locate("top", i))

        kind = self._attempt(lambda: kind_of(layer, locate))
        bottoms = [self._attempt(partial(read, i, name)) for i, name in enumerate(layer.bottom)]
        tops = [self._attempt(partial(write, i, name)) for i, name in enumerate(layer.top)]
        checked = kind and self._attempt(lambda: check_layer(layer, kind, locate))
        known = [b for b in bottoms if b is not None]
        versions = [t for t in tops if t is not None]
        if checked and len(known) == len(bottoms) and len(versions) == len(tops):
            self._attempt(lambda: self._lower(layer, checked, known, versions, locate))

    def finish(self) -> Lowered:
        """The lowered net; raises CompileError if any layer was refused."""
        if not self.net.layer:
            self.reporter.error("E0313", f"net `{self.net.name}` has no layers in phase {self.phase}")
        for name in self.asked.shapes:
            if name not in self.inputs and not self.reporter.failed:
                self.reporter.error("E0312", f"the net has no input `{name}`", note=f"its inputs are {', '.join(self.inputs)}",
                                    suggestion=suggest(name, self.inputs))
        self.reporter.raise_if_errors()
        blobs = {name: version.value for name, version in self.wiring.blobs.items() if version.value is not None}
        graph = Graph(self.net.name or "net", blobs)
        return Lowered(self.net.name, graph, tuple(self.inputs), self.wiring.outputs, tuple(self.layers),
                       tuple(self.parameters.owned), tuple(self.reporter.diagnostics), self.net)

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """What `action` returns, or None after reporting why it cannot."""
        try:
            return action()
        except CompileError as error:
            self.reporter.extend(error.diagnostics)
        return None

    def _lower(self, layer: Any, kind: LayerType, bottoms: list[Node], tops: list[Version], locate: Locate) -> None:
        """Call the rule of a layer and give its values their names."""
        phase = caffe_pb2.Phase.Name(layer.phase) if layer.HasField("phase") else self.phase
        p = LayerView(layer, kind, phase, self, locate)
        values = self._apply(p, bottoms)
        for value in values:
            p.sized(value.shape)
        if len(layer.param) > len(self._current):
            p.fail("param", f"{len(layer.param)} param entries for {len(self._current)} parameters", code="E0310")
        names = tuple(layer.top) + (AUTOMATIC,) * (len(values) - len(tops))
        values = named_tops(values, self._value_names(layer, names, tops), bottoms)
        for version, value in zip(tops, values, strict=False):
            version.value = value
        self.inputs += [v.name for v in values if v.op.name == "input"] if kind.source else []
        weights = loss_weights(layer, kind, len(values))
        self.layers.append(LoweredLayer(layer.name, kind.name, tuple(layer.bottom), names, values, tuple(self._current),
                                        weights, locate()))

    def _apply(self, p: LayerView, bottoms: list[Node]) -> tuple[Node, ...]:
        """The values the rule of a layer makes of its bottoms."""
        self._current = []
        try:
            with naming(_label(p.layer), p.span()):
                made = p.kind.rule(*bottoms, p=p)
        except IRError as error:
            p.fail("", str(error), code="E0402")
        return made if isinstance(made, tuple) else (made,)

    def _value_names(self, layer: Any, names: Sequence[str], tops: Sequence[Version]) -> list[str]:
        """The first version of a blob is called like the blob, later ones like the layer that writes them."""
        label = _label(layer)
        chosen = [self.names.unique(label) if top.in_place else name for name, top in zip(names, tops, strict=False)]
        return chosen + [self.names.unique(label) for _ in names[len(tops) :]]


def _label(layer: Any) -> str:
    """What the values inside a layer are named after."""
    return layer.name or (layer.top[0] if layer.top else layer.type)


def kind_of(layer: Any, locate: Locate) -> LayerType:
    """The registered type of a layer; raises CompileError."""
    if found := LAYERS.get(layer.type):
        return found
    code, note, suggestion = "E0304", "", suggest(layer.type, CAFFE_TYPES | set(LAYERS))
    message = f"layer `{layer.name}`: unknown layer type `{layer.type}`"
    if layer.type in CAFFE_TYPES:
        code, message, suggestion = "E0305", f"layer `{layer.name}`: {layer.type} layers cannot be compiled yet", ""
    elif fork := FORK_OF.get(layer.type):
        note, suggestion = f"{layer.type} is from a fork of Caffe: {fork}", ""
    raise CompileError([Diagnostic(code, message, locate("type"), note, suggestion)])


def check_layer(layer: Any, kind: LayerType, locate: Locate) -> LayerType:
    """`kind`, if the layer has as many bottoms, tops and weights as its type takes; raises CompileError."""
    bottoms, tops = len(layer.bottom), len(layer.top)
    least = 0 if kind.loss else kind.tops.least
    aliased = [b for b, t in zip(layer.bottom, layer.top, strict=False) if b == t]
    checks = (
        (kind.bottoms.admits(bottoms), "E0306", "bottom", f"takes {kind.bottoms} bottoms, here are {bottoms}"),
        (least <= tops and (kind.tops.most is None or tops <= kind.tops.most), "E0307", "top",
         f"has {kind.tops} tops, here are {tops}"),
        (not kind.paired or bottoms == tops, "E0307", "top", f"has one top for each bottom, here are {tops} for {bottoms}"),
        (kind.in_place or not aliased, "E0308", "top", f"cannot write over its bottom `{(aliased or [''])[0]}`"),
        (len(layer.loss_weight) in (0, max(tops, kind.tops.least)), "E0309", "loss_weight",
         f"has {len(layer.loss_weight)} loss weights for {max(tops, kind.tops.least)} tops"),
        (len(layer.propagate_down) in (0, bottoms), "E0309", "propagate_down",
         f"has {len(layer.propagate_down)} propagate_down entries for {bottoms} bottoms"),
    )
    wrong = [Diagnostic(code, f"layer `{layer.name}`: {kind.name} {text}", locate(field)) for ok, code, field, text in checks if not ok]
    if wrong:
        raise CompileError(wrong)
    return kind


def loss_weights(layer: Any, kind: LayerType, tops: int) -> tuple[float, ...]:
    """How much each top adds to the loss: as the prototxt says, or 1 for the first top of a loss layer."""
    if layer.loss_weight:
        return tuple(layer.loss_weight)
    return (1.0 if kind.loss else 0.0, *(0.0,) * (tops - 1))[:tops]
