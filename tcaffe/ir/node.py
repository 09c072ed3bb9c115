"""Nodes and core ops: the one kind of thing a graph is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from tcaffe.diagnostics import Span
from tcaffe.ir.types import IRError, TensorType, require

Number = int | float
NO_ATTRS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One operation, and at once the value it computes.

    `name` and `span` are hints for people: they are printed, and never part of what the node means.
    """

    op: CoreOp
    inputs: tuple[Node, ...]
    attrs: Mapping[str, Any]
    type: TensorType
    name: str = ""
    span: Span | None = None

    __match_args__ = ("op", "inputs", "attrs")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.type.shape

    def with_inputs(self, *inputs: Node) -> Node:
        """The same operation on other inputs; its type is inferred anew."""
        return self.op.apply(inputs, self.attrs, self.name, self.span)

    def named(self, name: str) -> Node:
        """The same value under another name."""
        return self if name == self.name else replace(self, name=name)

    def laid_out(self, order: tuple[int, ...]) -> Node:
        """The same value with its axes in another physical order."""
        return replace(self, type=self.type.with_order(order))

    def __repr__(self) -> str:
        return f"%{self.name}: {self.type} = {self.op.name}({', '.join('%' + i.name for i in self.inputs)})"

    def __add__(self, other: Node | Number) -> Node:
        return OPS["add"](self, other)

    def __radd__(self, other: Number) -> Node:
        return OPS["add"](other, self)

    def __sub__(self, other: Node | Number) -> Node:
        return OPS["sub"](self, other)

    def __rsub__(self, other: Number) -> Node:
        return OPS["sub"](other, self)

    def __mul__(self, other: Node | Number) -> Node:
        return OPS["mul"](self, other)

    def __rmul__(self, other: Number) -> Node:
        return OPS["mul"](other, self)

    def __truediv__(self, other: Node | Number) -> Node:
        return OPS["div"](self, other)

    def __rtruediv__(self, other: Number) -> Node:
        return OPS["div"](other, self)

    def __neg__(self) -> Node:
        return OPS["neg"](self)

    def __gt__(self, other: Node | Number) -> Node:
        return OPS["greater"](self, other)

    def __lt__(self, other: Node | Number) -> Node:
        return OPS["greater"](other, self)


@dataclass(frozen=True, eq=False)
class CoreOp:
    """One of the few operations everything lowers to: its type rule and its slow, obviously right reference.

    Calling it makes a node: `add(x, y)`, `conv(x, w, stride=(2, 2))`. A Python number among the operands
    becomes a constant of the shape of the other operands.
    """

    name: str
    family: str
    rule: Callable[..., TensorType]
    reference: Callable[..., Any]
    defaults: Mapping[str, Any] = field(repr=False)

    def __call__(self, *inputs: Node | Number, name: str = "", **attrs: Any) -> Node:
        """The node that applies this op; raises IRError where its rule is broken."""
        return self.apply(_as_nodes(inputs), attrs, name or _scoped(self.name), SCOPE.get()[1])

    def apply(self, inputs: tuple[Node, ...], attrs: Mapping[str, Any], name: str, span: Span | None) -> Node:
        """The node that applies this op, its attributes completed and its type inferred; raises IRError."""
        full = {key: _plain(value) for key, value in {**self.defaults, **attrs}.items()}
        try:
            kind = self.rule(*(i.type for i in inputs), **full)
        except TypeError as error:
            raise IRError(f"{self.name}: {error}") from error
        return Node(self, inputs, MappingProxyType(full) if full else NO_ATTRS, kind, name, span)

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """The names of its attributes."""
        parameters = inspect.signature(self.rule).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)

    def __repr__(self) -> str:
        return self.name


OPS: dict[str, CoreOp] = {}
SCOPE: ContextVar[tuple[str, Span | None]] = ContextVar("scope", default=("", None))


def core_op(family: str, *, reference: Callable[..., Any]) -> Callable[[Callable[..., TensorType]], CoreOp]:
    """Declare a core op by its type rule; the rule's name (without a trailing `_`) is the op's."""

    def define(rule: Callable[..., TensorType]) -> CoreOp:
        name = rule.__name__.rstrip("_")
        parameters = inspect.signature(rule).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}
        OPS[name] = op = CoreOp(name, family, rule, reference, MappingProxyType(defaults))
        return op

    return define


@contextmanager
def naming(prefix: str, span: Span | None = None) -> Iterator[None]:
    """Nodes made inside are named `prefix.op` and point at `span`."""
    token = SCOPE.set((prefix, span))
    try:
        yield
    finally:
        SCOPE.reset(token)


def _scoped(op: str) -> str:
    prefix = SCOPE.get()[0]
    return f"{prefix}.{op}" if prefix else ""


def _as_nodes(inputs: tuple[Node | Number, ...]) -> tuple[Node, ...]:
    """`inputs` with every number turned into a constant like its neighbours."""
    nodes = [i for i in inputs if isinstance(i, Node)]
    if len(nodes) == len(inputs):
        return tuple(nodes)
    require(bool(nodes), "an operation needs at least one operand that is not a number")
    dtype = next((n.type.dtype for n in nodes if n.type.dtype != "bool"), "f32")
    constant = OPS["const"]
    return tuple(
        i if isinstance(i, Node) else constant(value=float(i), shape=nodes[0].shape, dtype=dtype) for i in inputs
    )


def _plain(value: Any) -> Any:
    """An attribute as plain, hashable Python: tuples for lists, int and float for numpy scalars."""
    if isinstance(value, (list, tuple)):
        return tuple(_plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value
