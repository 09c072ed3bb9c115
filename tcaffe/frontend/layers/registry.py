"""The catalogue of layer types: each is a short function from bottoms to tops, registered under its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tcaffe.ir.node import Node
from tcaffe.schema import caffe_pb2

Rule = Callable[..., Node | tuple[Node, ...]]
R = TypeVar("R", bound=Rule)


@dataclass(frozen=True, slots=True)
class Arity:
    """How many bottoms or tops a layer takes; `most` is None when there is no limit."""

    least: int
    most: int | None

    def admits(self, count: int) -> bool:
        """Whether `count` is right."""
        return self.least <= count and (self.most is None or count <= self.most)

    def of(self, noun: str) -> str:
        """The numbers in words: `1 bottom`, `1 to 2 tops`, `at least 2 bottoms`."""
        if self.most is None:
            return f"at least {counted(self.least, noun)}"
        return counted(self.most, noun) if self.least == self.most else f"{self.least} to {counted(self.most, noun)}"


def counted(number: int, noun: str) -> str:
    """`1 top`, `2 tops`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class LayerType:
    """A registered layer type: its rule, and what the net must know before it calls the rule.

    `messages` are the LayerParameter fields the rule reads by attribute, the first one that knows a name wins.
    `paired` means one top for each bottom. A `loss` makes its own tops when the prototxt names too few, and
    weighs 1 by default.
    """

    name: str
    rule: Rule
    messages: tuple[str, ...]
    bottoms: Arity
    tops: Arity
    paired: bool = False
    in_place: bool = True
    loss: bool = False
    source: bool = False


LAYERS: dict[str, LayerType] = {}
MESSAGES = {
    field.name.replace("_", "").removesuffix("param"): field.name
    for field in caffe_pb2.LayerParameter.DESCRIPTOR.fields
    if field.name.endswith("_param")
}


def layer(
    *names: str,
    param: str | tuple[str, ...] | None = None,
    tops: int | tuple[int, int | None] = 1,
    paired: bool = False,
    in_place: bool = True,
    loss: bool = False,
    source: bool = False,
) -> Callable[[R], R]:
    """Register a rule `(bottom, ..., p) -> top or tops` as the layer types `names`.

    The rule's own parameters say how many bottoms it takes: one each, fewer if they have defaults, any number
    after `*`; `p` is a LayerView. `param` names the messages the rule reads; by default it is the one called like the
    type (`ELU` reads `elu_param`). `source` marks layers whose tops are fed by the caller.
    """

    def register(rule: R) -> R:
        for name in names:
            messages = _messages(name) if param is None else (param,) if isinstance(param, str) else param
            most = (tops, tops) if isinstance(tops, int) else tops
            LAYERS[name] = LayerType(name, rule, messages, _bottoms(rule), Arity(*most), paired, in_place, loss, source)
        return rule

    return register


def _messages(name: str) -> tuple[str, ...]:
    """The message that carries the fields of a layer type, if the schema has one of that name."""
    found = MESSAGES.get(name.lower())
    return (found,) if found else ()


def _bottoms(rule: Rule) -> Arity:
    """The number of bottoms a rule takes, read off its parameters."""
    parameters = [p for p in inspect.signature(rule).parameters.values() if p.name != "p"]
    single = [p for p in parameters if p.kind is not p.VAR_POSITIONAL]
    required = sum(p.default is p.empty for p in single)
    return Arity(required, len(single) if single == parameters else None)
