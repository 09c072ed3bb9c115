"""Lowering: from layers with named blobs to one graph of core ops."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

from google.protobuf.message import Message

from tcaffe.diagnostics import CompileError, Diagnostic, Reporter, Span, suggest
from tcaffe.frontend.checks import check_layer, kind_of, loss_weights
from tcaffe.frontend.foreign import ForeignFields
from tcaffe.frontend.layers import LayerView
from tcaffe.frontend.layers.registry import counted
from tcaffe.frontend.layers.view import Shape
from tcaffe.frontend.naming import Names, name_values
from tcaffe.frontend.overwritten import overwritten
from tcaffe.frontend.sharing import Parameter, Parameters
from tcaffe.frontend.unread import Unread
from tcaffe.frontend.wiring import Version, Wiring
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph, topological
from tcaffe.ir.node import Node, naming
from tcaffe.ir.types import IRError
from tcaffe.schema import caffe_pb2

AUTOMATIC = "(automatic)"
Locate = Callable[..., Span | None]
Host = Callable[[int, Sequence[Shape]], tuple[Sequence[Shape], Sequence[Shape]]]
"""Runs layers outside of the graph: from a layer's number and the shapes of its bottoms to those of its tops and
parameters; raises ImportError where there is no code for it."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoweredLayer:
    """A layer of the net, and the values of its tops and parameters.

    `tops` may end with "(automatic)", a loss the prototxt does not name. A parameter shared under another shape is a
    reshape of its owner's. `updates` maps state, such as running statistics, to what it is after the layer has run.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    values: tuple[Node, ...]
    params: tuple[Node, ...]
    updates: Mapping[Node, Node]
    loss_weights: tuple[float, ...]
    span: Span | None


@dataclass(frozen=True)
class Lowered:
    """A net as one graph, and how the names of the prototxt map to it.

    The outputs of `graph` are all blobs. `inputs` are the graph's inputs in order, `outputs` the blobs nobody reads,
    alphabetically. `parameters` stand in the order they first appear. `message` is the net after upgrade and filter.
    `random` is one more input of the graph, i64[2], where layers draw random numbers: a seed, and a number that must
    be another one at every pass.
    Invariant: every node has a name of its own; inputs are named like their blobs.
    """

    name: str
    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: tuple[LoweredLayer, ...]
    parameters: tuple[Parameter, ...]
    warnings: tuple[Diagnostic, ...]
    message: Message
    random: Node | None = None

    @property
    def blobs(self) -> Mapping[str, Node]:
        """The last version of every blob, in the order the names first appear."""
        return self.graph.outputs

    @cached_property
    def params(self) -> Mapping[str, tuple[Node, ...]]:
        """The parameters of each layer that has any; of layers of one name the first."""
        return {layer.name: layer.params for layer in reversed(self.layers) if layer.params}

    def blob_bytes(self, outputs: Iterable[str]) -> int:
        """Bytes of a buffer for each blob that `outputs` need, as Caffe holds them.

        A layer in place has none, and the tops of Reshape, Flatten and Split are their bottom's.
        """
        needed = set(topological(self.blobs[name] for name in outputs))
        found: dict[Node, None] = {}
        for layer in self.layers:
            for top, value in zip(layer.tops, layer.values, strict=True):
                if value in needed and top not in layer.bottoms and value.op not in (ops.reshape, ops.param):
                    found[value] = None
        return sum(value.type.nbytes for value in found)

    @cached_property
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


class Lowering:
    """The lowering of an upgraded and filtered NetParameter, to which its layers are added one by one, in file order.

    `locate(index, *path)` finds a field of a layer in the file, `foreign(index)` gives those the schema does not have.
    `host` runs the layers that are code of the user's; without one they are refused.
    What is wrong with a layer does not hide what is wrong with the next: it goes to `reporter`, and `finish` raises all
    of it.
    """

    def __init__(
        self,
        net: Any,
        *,
        phase: str,
        asked: AskedShapes,
        locate: Locate,
        foreign: Callable[[int], ForeignFields],
        reporter: Reporter,
        host: Host | None = None,
    ) -> None:
        self.net = net
        self._host = host
        self.phase = phase
        self.asked = asked
        self.locate = locate
        self.foreign = foreign
        self.reporter = reporter
        self.layers: list[LoweredLayer] = []
        self.inputs: list[str] = []
        self.wiring = Wiring()
        self.names = Names(top for layer in net.layer for top in layer.top)
        self.parameters = Parameters(self.names.unique)
        self.unread = Unread()
        self._index = 0  # of the layer being added
        self._current: list[Node] = []  # the parameters of the layer being added
        self._updates: dict[Node, Node] = {}  # what it makes of those that are state
        self._key: Node | None = None
        self._streams = itertools.count()

    def add(self, index: int, layer: Any, *, damaged: bool = False) -> None:
        """Lower one layer; what is wrong with it is reported, and its tops stay unknown.

        A `damaged` layer was not understood as it stands: its blobs count, but nothing is asked of it.
        """
        self._index = index
        locate = partial(self.locate, index)

        def read(i: int, name: str) -> Node | None:
            return self.wiring.read(name, layer.name, locate("bottom", i))

        def write(i: int, name: str) -> Version:
            weighted = i < len(layer.loss_weight) and layer.loss_weight[i] != 0
            return self.wiring.write(name, layer.name, i, layer.bottom, weighted, locate("top", i))

        kind = None if damaged else self._attempt(lambda: kind_of(layer, locate))
        bottoms = [self._attempt(partial(read, i, name)) for i, name in enumerate(layer.bottom)]
        tops = [self._attempt(partial(write, i, name)) for i, name in enumerate(layer.top)]
        checked = kind and self._attempt(lambda: check_layer(layer, kind, locate))
        values = [b for b in bottoms if b is not None]
        versions = [t for t in tops if t is not None]
        if checked and len(values) == len(bottoms) and len(versions) == len(tops):
            phase = caffe_pb2.Phase.Name(layer.phase) if layer.HasField("phase") else self.phase
            p = LayerView(layer, checked, phase, self, locate, self.foreign(index))
            self._attempt(lambda: self._lower(p, values, versions))

    def finish(self) -> Lowered:
        """The lowered net; raises CompileError if any layer was refused."""
        if not self.net.layer and not self.reporter.failed:
            self.reporter.error("E0313", f"the net has no layers in phase {self.phase}")
        if not self.reporter.failed:
            self._check_asked()
        self.reporter.extend(self.unread.warnings())
        trained = self.phase == "TRAIN" or self.net.force_backward
        self.reporter.extend(overwritten(self.net, self.locate, trained=trained))
        self.reporter.diagnostics.sort(key=_position)
        self.reporter.raise_if_errors()
        blobs = {name: version.value for name, version in self.wiring.blobs.items() if version.value is not None}
        return Lowered(
            name=self.net.name,
            graph=Graph(self.net.name or "net", blobs),
            inputs=tuple(self.inputs),
            outputs=self.wiring.outputs,
            layers=tuple(self.layers),
            parameters=tuple(self.parameters.owned),
            warnings=tuple(self.reporter.diagnostics),
            message=self.net,
            random=self._key,
        )

    # ── what a layer needs of the net around it ─────────────────────────────────────────────────────

    def blob(self, p: LayerView, role: str, shape: Shape, filler: Message | None, learned: bool) -> Node:
        """The next parameter of the layer being added."""
        self._current.append(self.parameters.take(p, len(self._current), role, shape, filler, learned))
        return self._current[-1]

    def state(self, p: LayerView, role: str, shape: Shape, start: Message | None) -> Node:
        """What the layer being added carries from pass to pass, and the numbers it starts with."""
        return self.parameters.carry(p, role, shape, start)

    def update(self, state: Node, value: Node) -> None:
        """`state`, a state or parameter of the layer being added, is `value` after the layer has run."""
        self._updates[state] = value

    def random(self, shape: Shape) -> Node:
        """Random numbers from 0 up to, not including, 1: a stream of the net's key that nobody else reads."""
        if self._key is None:
            self._key = ops.input_(shape=(2,), dtype="i64", name=self.names.unique("random"))
        return ops.random(self._key, shape=shape, stream=next(self._streams))

    @property
    def has_host(self) -> bool:
        """Whether layers can run outside of the graph."""
        return self._host is not None

    def host(self, p: LayerView, shapes: Sequence[Shape]) -> tuple[Sequence[Shape], Sequence[Shape]]:
        """The shapes of the tops and parameters of a layer that the host runs."""
        if self._host is None:
            note = "a Python layer runs code, which compiled nets do not hold"
            hint = "run it by tcaffe.Net, or train it by `tcaffe train --allow-python`"
            p.fail("module", "Python layers cannot be compiled", note, code="E0315", suggestion=hint)
        try:
            return self._host(self._index, shapes)
        except ImportError as error:
            p.fail("module", str(error), "the module must be on Python's path", code="E0316")

    def input_shape(self, top: str, default: Shape | None) -> Shape | None:
        """The shape of the graph's input `top`: `default` unless the caller asked for another."""
        return self.asked.of(top, default)

    def is_fed(self, top: str) -> bool:
        """Whether the caller gives `top` a shape."""
        return top in self.asked.shapes

    # ── one layer ───────────────────────────────────────────────────────────────────────────────────

    def _lower(self, p: LayerView, bottoms: list[Node], tops: list[Version]) -> None:
        """Call the rule of a layer, name what it made, and hand it to the blobs."""
        layer, kind = p.layer, p.kind
        made = self._apply(p, bottoms)
        self.unread.check(p)
        for value in made:
            p.sized(value.shape)
        if len(layer.param) > len(self._current):
            times, owned = counted(len(layer.param), "time"), counted(len(self._current), "parameter")
            p.fail("param", f"param is given {times}, the layer has {owned}", code="E0310")
        unnamed = len(made) - len(tops)
        wanted = [*_value_names(layer, tops, self.names), *[""] * (unnamed + len(self._updates))]
        named = name_values((*made, *self._updates.values()), wanted, bottoms, self.names)
        values = named[: len(made)]
        for version, value in zip(tops, values, strict=False):
            version.value = value
        self.inputs += [value.name for value in values if kind.source and value.op.name == "input"]
        self.layers.append(
            LoweredLayer(
                name=layer.name,
                type=kind.name,
                bottoms=tuple(layer.bottom),
                tops=(*layer.top, *(AUTOMATIC,) * unnamed),
                values=values,
                params=tuple(self._current),
                updates=dict(zip(self._updates, named[len(made) :], strict=True)),
                loss_weights=loss_weights(layer, kind, len(values)),
                span=p.span(),
            )
        )

    def _apply(self, p: LayerView, bottoms: list[Node]) -> tuple[Node, ...]:
        """The values the rule of a layer makes of its bottoms."""
        self._current, self._updates = [], {}
        try:
            with naming(_label(p.layer), p.span()):
                made = p.kind.rule(*self._propagating(p.layer, bottoms), p=p)
        except IRError as error:
            p.fail("", str(error))
        return made if isinstance(made, tuple) else (made,)

    def _propagating(self, layer: Any, bottoms: list[Node]) -> list[Node]:
        """The bottoms of a layer as its rule sees them: no gradient passes those whose `propagate_down` is false."""
        if self.net.force_backward or not layer.propagate_down:
            return bottoms
        return [x if down else ops.detach(x) for x, down in zip(bottoms, layer.propagate_down, strict=True)]

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """What `action` returns, or None after reporting why it cannot."""
        try:
            return action()
        except CompileError as error:
            self.reporter.extend(error.diagnostics)
        return None

    def _check_asked(self) -> None:
        """Report shapes the caller gave for inputs there are not."""
        for name in self.asked.shapes:
            if name not in self.inputs:
                note = f"its inputs are {', '.join(self.inputs)}" if self.inputs else "it has no inputs"
                self.reporter.error("E0314", f"the net has no input `{name}`", None, note, suggest(name, self.inputs))


def _position(problem: Diagnostic) -> tuple[int, int]:
    return (problem.span.line, problem.span.column) if problem.span else (0, 0)


def _value_names(layer: Any, tops: Sequence[Version], names: Names) -> list[str]:
    """The first version of a blob is called like the blob, later ones like the layer that writes them."""
    return [
        names.unique(_label(layer)) if version.in_place else name for name, version in zip(layer.top, tops, strict=True)
    ]


def _label(layer: Any) -> str:
    """What the values inside a layer are named after."""
    return layer.name or (layer.top[0] if layer.top else layer.type)
