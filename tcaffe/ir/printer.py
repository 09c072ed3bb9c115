"""The printed form of graphs and programs; `parser` reads it back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.program import Buffer, Kernel, Place, Program

BARE_NAME = re.compile(r"[\w./'+-]+")
BARE_ALIAS = re.compile(r"[A-Za-z_][\w./'+-]*", re.ASCII)
BARE_WORD = re.compile(r"[A-Za-z_]\w*")
MEANINGFUL = ("true", "false", "inf", "nan")
LEAVES = ("input", "param", "const", "iota")


def print_graph(graph: Graph) -> str:
    """`graph` as text: one line a node, sources first, every name and type declared once."""
    shown = _shown(graph.nodes, graph.outputs.values())
    names = Names(shown)
    body = [f"  {_node(node, names)}{_source(node)}" for node in shown]
    return "\n".join([f"graph @{_bare(graph.name)} {{", *body, f"  {_return(graph.outputs, names)}", "}"]) + "\n"


def print_program(program: Program) -> str:
    """`program` as text: buffers, inputs, kernels with the region each computes, views, and the prepare graph."""
    regions = (n for k in program.kernels for n in (*k.reads, *region(k)))
    names = Names([*program.inputs, *regions, *_params(program), *program.views])
    lines = [f"program @{_bare(program.name)} {{"]
    if program.plan:
        lines += [f"  {_buffer(b)}" for b in program.plan.buffers]
    lines += [f"  {_node(n, names)}{_at(n, names, program.places)}" for n in program.inputs]
    lines += [f"  {_node(n, names)}" for n in _params(program)]
    unseen = set(program.views)
    numbers: set[Node] = set()
    for kernel in program.kernels:
        lines += [f"  {line}" for line in _views(kernel.inputs, unseen, names, program.places)]
        lines += [f"  {line}" for line in _kernel(kernel, names, program.places, numbers)]
        numbers.update(_numbers(kernel))
    lines += [f"  {line}" for line in _views(program.outputs.values(), unseen, names, program.places)]
    return "\n".join([*lines, f"  {_return(program.outputs, names)}", "}"]) + "\n" + _prepare(program.prepare)


class Names:
    """The printed name of each node: its own, with a prime and a number where two would share one."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._names: dict[Node, str] = {}
        taken: set[str] = set()
        for node in nodes:
            if node not in self._names:
                name = _fresh(node.name or node.op.name, taken)
                taken.add(name)
                self._names[node] = name

    def __getitem__(self, node: Node) -> str:
        return self._names[node]


def _fresh(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    k = 1
    while f"{name}'{k}" in taken:
        k += 1
    return f"{name}'{k}"


def sigil(name: str) -> str:
    """`name` as it stands in the text: `%conv1`, or quoted when it holds anything unusual."""
    return "%" + _bare(name)


def _bare(name: str) -> str:
    return name if BARE_NAME.fullmatch(name) and name.isascii() else json.dumps(name)


def _inline(node: Node) -> bool:
    """Whether a constant is a plain number, printed where it is used."""
    return node.op.name == "const" and not isinstance(node.attrs["value"], tuple)


def _written_inline(node: Node, user: Node) -> bool:
    """A number takes its type from a neighbour that is none; without such a neighbour it needs a line of its own."""
    return _inline(node) and any(
        not _inline(i) and i.type.same_value(node.type) for i in user.inputs
    )


def _alone(nodes: Iterable[Node]) -> dict[Node, None]:
    """The numbers that need a line of their own, in the order in which `nodes` need one."""
    return {i: None for n in nodes for i in n.inputs if _inline(i) and not _written_inline(i, n)}


def _shown(nodes: Sequence[Node], outputs: Iterable[Node]) -> list[Node]:
    """The nodes that need a line: all but the numbers written where they are used; sources first."""
    alone = _alone(nodes) | {n: None for n in outputs if _inline(n)}
    shown = [*alone, *(n for n in nodes if not _inline(n))]
    return sorted(shown, key=lambda n: LEAVES.index(n.op.name) if n.op.name in LEAVES else len(LEAVES))


def _node(node: Node, names: Names) -> str:
    attrs = _attrs({k: v for k, v in node.attrs.items() if k not in ("shape", "dtype") or not _typed(node, k)}, node)
    if node.op.name in ("input", "param"):
        return f"{node.op.name} {sigil(names[node])}: {node.type}{attrs}"
    operands = ", ".join(_operand(i, node, names) for i in node.inputs)
    return f"{sigil(names[node])}: {node.type} = {node.op.name}({operands}){attrs}"


def _source(node: Node) -> str:
    """Where in the user's file the node comes from, as a comment."""
    return f"   # {node.span.file}:{node.span.line}" if node.span and BARE_NAME.fullmatch(node.span.file) else ""


def _typed(node: Node, attr: str) -> bool:
    """Whether the line's type already says this attribute."""
    return attr == "shape" or node.type.dtype == node.attrs[attr]


def _operand(value: Node, user: Node, names: Names) -> str:
    return show(value.attrs["value"]) if _written_inline(value, user) else sigil(names[value])


def _attrs(attrs: Mapping[str, Any], node: Node | None = None) -> str:
    defaults = node.op.defaults if node else {}
    said = [f"{k}={show(v)}" for k, v in sorted(attrs.items()) if k not in defaults or v != defaults[k]]
    return f" {{{', '.join(said)}}}" if said else ""


def show(value: Any) -> str:
    """An attribute as text: numbers, words, quoted strings, lists in brackets."""
    if isinstance(value, tuple):
        return f"[{','.join(map(show, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if BARE_WORD.fullmatch(value) and value not in MEANINGFUL else json.dumps(value)
    return repr(value)


def _return(outputs: Mapping[str, Node], names: Names) -> str:
    shown = (
        sigil(names[n]) if names[n] == name else f"{_alias(name)}={sigil(names[n])}" for name, n in outputs.items()
    )
    return f"return {', '.join(shown)}".rstrip()


def _alias(name: str) -> str:
    return name if BARE_ALIAS.fullmatch(name) else json.dumps(name)


def _params(program: Program) -> tuple[Node, ...]:
    """The parameters as regions name them, then those that only views look at, by name."""
    viewed = sorted((n for view in program.views for n in view.inputs), key=lambda n: n.name)
    reads = (*(n for k in program.kernels for n in k.reads), *viewed)
    return tuple(dict.fromkeys(n for n in reads if n.op.name == "param"))


def _kernel(kernel: Kernel, names: Names, places: Mapping[str, Place], declared: set[Node]) -> Iterator[str]:
    """The lines of a kernel; numbers that kernels before it have `declared` are not declared again."""
    anchor = {"anchor": names[kernel.anchor]} if kernel.anchor else {}
    yield f"kernel @{_bare(kernel.name)}{_attrs({**kernel.attrs, **anchor})} {{"
    for scratch in kernel.scratch:
        yield f"  scratch {sigil(scratch.name)}: {scratch.type}{_place(places.get(scratch.name))}"
    for plain, packed in kernel.packing.items():
        yield f"  pack {sigil(packed.name)}: {packed.type} = {sigil(names[plain])}"
    stored = set(kernel.outputs)
    for node in (n for n in region(kernel) if n not in declared):
        line = f"store {_node(node, names)}{_at(node, names, places)}" if node in stored else _node(node, names)
        yield f"  {line}{_source(node)}"
    yield "}"


def region(kernel: Kernel) -> tuple[Node, ...]:
    """The nodes of a kernel, with the constants that need a line of their own."""
    return (*_numbers(kernel), *kernel.nodes)


def _numbers(kernel: Kernel) -> tuple[Node, ...]:
    tables = {i: None for n in kernel.nodes for i in n.inputs if i.op.name == "const" and not _inline(i)}
    return (*tables, *_alone(kernel.nodes))


def _views(values: Iterable[Node], unseen: set[Node], names: Names, places: Mapping[str, Place]) -> Iterator[str]:
    """The views among `values` and beneath them that have not been printed yet, each after what it looks at."""
    for node in values:
        if node in unseen:
            unseen.discard(node)
            yield from _views(node.inputs, unseen, names, places)
            yield f"view {_node(node, names)}{_at(node, names, places)}"


def _at(node: Node, names: Names, places: Mapping[str, Place]) -> str:
    return _place(places.get(names[node]))


def _place(place: Place | None) -> str:
    return f" @ {sigil(place.buffer)}+{place.offset:#x} {show(place.strides)}" if place else ""


def _buffer(b: Buffer) -> str:
    return f"buffer {sigil(b.name)}: {b.size} live {b.start} to {b.end} @ arena+{b.offset:#x}"


def _prepare(graph: Graph) -> str:
    return "prepare " + print_graph(graph)
