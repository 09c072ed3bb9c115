"""`fuse`: group the nodes of a graph into kernels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program
from tcaffe.ir.slots import accumulates
from tcaffe.passes.simplify import values_alone
from tcaffe.passes.static import Parameters, hoist

FREE = (ops.broadcast, ops.iota)
"""Values that cost nothing to make where they are read, so every reader makes its own."""
CHAINED = (ops.conv, ops.conv_dx, ops.dot)
REDUCTIONS = (ops.reduce_sum, ops.reduce_max)
MAX_NAME_PARTS = 4
MAX_CLOSED = 12
"""How many nodes a chain takes at once at most, to find the one value that leaves them."""


def fuse(graph: Graph, parameters: Parameters = "fixed") -> Program:
    """Kernels with one anchor each and the pointwise work around it; what is known beforehand goes to `prepare`.

    A convolution, dot or spatial pool takes the chain of pointwise nodes that alone read its result, each with its
    other operands. Pointwise nodes, reductions over the same axes and windows over channels grow together around
    one shape. Everything else is a kernel of its own; ops of the family `control` are in none.
    """
    main, prepare = hoist(graph.rewrite(values_alone), parameters)
    main = unique_names(own_free_values(materialised(main)))
    groups = Fusion(main).run()
    kernels = unique_kernels(_kernel(main, g) for g in sorted(groups, key=lambda g: (len(g.before), g.index)))
    inputs = tuple(n for n in main.nodes if n.op is ops.input_)
    return Program(main.name, kernels, inputs, main.outputs, prepare)


@dataclass(eq=False)
class Group:
    """A kernel being grown. `before` holds the groups that must run earlier, directly or through others."""

    index: int
    nodes: list[Node]
    anchor: Node | None = None
    axes: tuple[int, ...] = ()
    before: set[Group] = field(default_factory=set)

    @property
    def tail(self) -> Node:
        """The last node, which a chain goes on from."""
        return self.nodes[-1]

    @property
    def first(self) -> Node:
        """The first node that does any work."""
        return next((n for n in self.nodes if n.op not in FREE), self.nodes[0])

    @property
    def chained(self) -> bool:
        """Whether it grows along one chain only."""
        return self.anchor is not None and (self.anchor.op in CHAINED or _slides(self.anchor))

    @property
    def accumulates(self) -> bool:
        """Whether its reductions are complete only when all blocks are done."""
        return self.anchor is not None and self.anchor.op in REDUCTIONS and accumulates(self.anchor)

    @property
    def region(self) -> bool:
        """Whether it grows around one shape."""
        if self.anchor is None:
            return self.first.op.family == "pointwise"
        return self.anchor.op in REDUCTIONS or _keeps_shape(self.anchor)


class Fusion:
    """The state of one run: which group every node is in, and which group waits for which."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.outputs = set(graph.outputs.values())
        self.nodes = _by_depth(graph)
        self.position = {node: k for k, node in enumerate(self.nodes)}
        self.groups: list[Group] = []
        self.owner: dict[Node, Group] = {}
        self.awaited: set[Group] = set()  # groups that others wait for

    def run(self) -> list[Group]:
        """The groups of the whole graph."""
        for node in self.nodes:
            free = node.op in FREE and all(_makes_its_own(r) for r in self.graph.uses[node]) and self.graph.uses[node]
            source = node.op.family == "source" and node.op is not ops.iota
            if node not in self.owner and not free and not source:
                self.place(node)
        return self.groups

    def place(self, node: Node) -> None:
        """Put `node` into the latest group that can take it, or into one of its own."""
        operands = [v for v in operands_of(node) if v in self.owner]
        candidates = sorted({self.owner[v] for v in operands}, key=lambda g: -g.index)
        group = next((g for g in candidates if self._takes(g, node) and self._acyclic(g, operands)), None)
        if group is None:
            group = Group(len(self.groups), [])
            self.groups.append(group)
        for member in self._until_closed(group, node) or [node]:
            self._add(group, member, [v for v in operands_of(member) if v in self.owner])
        for other in candidates:
            if self._absorbs(group, other):
                self._merge(group, other)

    def _absorbs(self, group: Group, other: Group) -> bool:
        """Whether a group takes in pointwise work on its shape that it reads.

        A chain does where only the work behind its anchor reads it: a mask, or a factor.
        """
        plain = group is not other and other.region and other.anchor is None and other in group.before
        if not plain or not (group.region or group.chained) or _domain(group) != _domain(other):
            return False
        if group.chained:
            readers = {r for v in other.nodes for r in self.graph.uses[v]}
            behind = {*group.nodes, *other.nodes} - {group.anchor}
            return self.outputs.isdisjoint(other.nodes) and readers <= behind
        return not any(other in g.before for g in group.before)

    def _merge(self, group: Group, other: Group) -> None:
        group.nodes = sorted([*other.nodes, *group.nodes], key=self.position.__getitem__)
        group.before = (group.before | other.before) - {other}
        self.groups.remove(other)
        self.owner.update(dict.fromkeys(other.nodes, group))
        for waiting in self.groups:
            if other in waiting.before:
                waiting.before = (waiting.before - {other}) | {group} | group.before
                self.awaited.add(group)

    def _until_closed(self, group: Group, node: Node) -> list[Node]:
        """The nodes from `node` on that a chain must take together, so that one value alone leaves them again.

        A leaky rectifier reads its operand several times: none of its nodes can follow the chain by itself.
        """
        if not (group.nodes and group.chained) or set(self.graph.uses[group.tail]) == {node}:
            return []
        inside = [group.tail]
        while len(inside) <= MAX_CLOSED:
            readers = {r for v in inside for r in self.graph.uses[v]} - set(inside)
            fitting = sorted((r for r in readers if self._may_follow(group, r, inside)), key=self.position.__getitem__)
            if not fitting:
                return []
            inside.append(fitting[0])
            if self._exits(inside) == inside[-1:]:
                return inside[1:] if node in inside else []
        return []

    def _may_follow(self, group: Group, node: Node, inside: list[Node]) -> bool:
        operands = [v for v in operands_of(node) if v not in inside and v.op.family != "source"]
        ready = all(v in self.owner for v in operands) and self._acyclic(group, operands)
        return ready and node not in self.owner and node.op.family == "pointwise" and node.shape == group.tail.shape

    def _exits(self, inside: list[Node]) -> list[Node]:
        """The values of `inside` that somebody else reads."""
        members = set(inside)
        return [v for v in inside if v in self.outputs or any(r not in members for r in self.graph.uses[v])]

    def _add(self, group: Group, node: Node, operands: Iterable[Node]) -> None:
        for value in [*_free_operands(node), node]:
            group.nodes.append(value)
            self.owner[value] = group
        if node.op.family != "pointwise":
            group.anchor = group.anchor or node
            group.axes = group.axes or node.attrs.get("axes", ())
        earlier = {self.owner[v] for v in operands} - {group}
        new = earlier.union(*(g.before for g in earlier)) - group.before
        group.before |= new
        self.awaited |= new
        for other in self.groups if new and group in self.awaited else ():
            if group in other.before:
                other.before |= new

    def _acyclic(self, group: Group, operands: Iterable[Node]) -> bool:
        """Whether no operand comes from a group that waits for `group`."""
        return all(group is self.owner[v] or group not in self.owner[v].before for v in operands)

    def _takes(self, group: Group, node: Node) -> bool:
        if group.chained:
            return self._continues_chain(group, node)
        return group.region and self._continues_region(group, node)

    def _continues_chain(self, group: Group, node: Node) -> bool:
        """Pointwise work on the tail, if nobody else reads the tail; or one of the slices it is cut into."""
        if _splits_channels(node) and group.anchor is not None and group.anchor.op is ops.conv:
            source = node.inputs[0]
            cut = all(_splits_channels(r) for r in self.graph.uses[source]) and source not in self.outputs
            whole = group.tail.inputs[0] if _splits_channels(group.tail) else group.tail
            return cut and source is whole
        if _splits_channels(group.tail):  # slices end a kernel
            return False
        if set(self.graph.uses[group.tail]) != {node}:
            return node in self._until_closed(group, node)
        alike = node.op.family == "pointwise" and node.type.same_value(group.tail.type)
        return alike and group.tail in node.inputs and group.tail not in self.outputs

    def _continues_region(self, group: Group, node: Node) -> bool:
        """Work on the shape the group is about, whole or reduced along its axes."""
        shape, order = _domain(group)
        if group.accumulates and any(v.op in REDUCTIONS and self.owner.get(v) is group for v in operands_of(node)):
            return False
        if node.op.family == "pointwise":
            whole = node.shape == shape and node.type.order == order
            reduced = bool(group.axes) and group.anchor is not None and group.anchor.op in REDUCTIONS
            return whole or (reduced and not group.accumulates and node.shape == _without(shape, group.axes))
        if node.op in REDUCTIONS:
            same = group.anchor is None or (group.anchor.op in REDUCTIONS and group.axes == node.attrs["axes"])
            return same and node.inputs[0].shape == shape and node.inputs[0].type.order == order
        return _keeps_shape(node) and group.anchor is None and node.shape == shape and node.type.order == order


def _by_depth(graph: Graph) -> list[Node]:
    """The nodes, those first that the fewest lie one behind the other before: what a chain reads stands before it."""
    depth: dict[Node, int] = {}
    for node in graph.nodes:
        depth[node] = max((depth[i] + 1 for i in node.inputs), default=0)
    return sorted(graph.nodes, key=depth.__getitem__)


def operands_of(node: Node) -> list[Node]:
    """What `node` reads, seen through the values it makes for itself."""
    found: list[Node] = []
    for value in node.inputs:
        found += operands_of(value) if value.op in FREE and _makes_its_own(node) else [value]
    return found


def _makes_its_own(node: Node) -> bool:
    """Whether `node` can make a free value where it reads it: it works element by element."""
    return node.op.family in ("pointwise", "reduce") or node.op in FREE


def _free_operands(node: Node) -> list[Node]:
    """The free values `node` makes for itself, each after its inputs."""
    found: list[Node] = []
    for value in node.inputs:
        if value.op in FREE and _makes_its_own(node):
            found += [*_free_operands(value), value]
    return found


def _domain(group: Group) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The full shape a region is about, and its order in memory."""
    if group.chained:
        return group.tail.shape, group.tail.type.order
    first = group.first
    kind = first.inputs[0].type if first.op in REDUCTIONS else first.type
    return kind.shape, kind.order


def _without(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def _slides(node: Node) -> bool:
    """A pool over spatial axes."""
    return node.op is ops.pool and not _keeps_shape(node)


def _keeps_shape(node: Node) -> bool:
    """A window along channels, one result for each element (the sums of LRN)."""
    return node.op is ops.pool and node.attrs["axes"] == (1,) and node.shape == node.inputs[0].shape


def _splits_channels(node: Node) -> bool:
    """A slice that takes some channels of everything."""
    match node:
        case Node(ops.slice_, (x,), {"begin": begin, "stride": ()}) if len(x.shape) > 2:
            rest = (node.shape[:1] + node.shape[2:]) == (x.shape[:1] + x.shape[2:])
            return rest and not any(begin[:1] + begin[2:])
    return False


def materialised(graph: Graph) -> Graph:
    """Outputs that are parameters or numbers become values of their own, copies; so do numbers read as arrays."""
    graph = graph.rewrite(assigned_copies).rewrite(written_numbers)
    fixed = (ops.param, ops.const)
    return graph.with_outputs({n: _copied(node) if node.op in fixed else node for n, node in graph.outputs.items()})


def assigned_copies(node: Node) -> Node | None:
    """What a parameter becomes must not lie where one lies that may change before it is read."""
    match node:
        case Node(ops.assign, (old, new)) if _is_of_parameter(new):
            return ops.assign(old, _copied(new))
    return None


def written_numbers(node: Node) -> Node | None:
    """What multiplies or moves arrays takes them from memory: one that is a single number all over has to be there."""
    if _makes_its_own(node) or node.op.family in ("source", "control"):
        return None
    found = tuple(_copied(i) if i.op is ops.const and i.shape else i for i in node.inputs)
    return replace(node, inputs=found) if found != node.inputs else None


def _is_of_parameter(node: Node) -> bool:
    """Whether a value may be a parameter's bytes, rearranged or not."""
    arranged = node.op in (ops.reshape, ops.slice_, ops.transpose, ops.keep, ops.assign)
    return node.op is ops.param or (arranged and any(map(_is_of_parameter, node.inputs)))


def _copied(node: Node) -> Node:
    return ops.broadcast(node, shape=node.shape, axes=tuple(range(len(node.shape))))


def own_free_values(graph: Graph) -> Graph:
    """The graph with a broadcast or iota for every operand that reads one, shared by nobody."""

    def own(value: Node) -> Node:
        return replace(value, inputs=tuple(own(i) for i in value.inputs)) if value.op in FREE else done[value]

    done: dict[Node, Node] = {}
    for node in graph.nodes:
        done[node] = replace(node, inputs=tuple(own(i) for i in node.inputs)) if node.inputs else node
    return graph.with_outputs({name: done[node] for name, node in graph.outputs.items()})


def unique_names(graph: Graph) -> Graph:
    """The graph with a name of its own for every node; outputs keep theirs, unless an input is called like them."""
    taken = {node.name for node in graph.nodes if node.op in (ops.input_, ops.param)}
    computed = {name: node for name, node in graph.outputs.items() if node.op.family != "source" and name not in taken}
    keepers = {node: name for name, node in reversed(computed.items())}
    taken |= set(keepers.values())
    done: dict[Node, Node] = {}
    for node in graph.nodes:
        name = keepers.get(node, node.name)
        if node not in keepers and node.op not in (ops.input_, ops.param):
            name = _fresh(node.name or node.op.name, taken)
            taken.add(name)
        done[node] = replace(node, inputs=tuple(done[i] for i in node.inputs), name=name)
    return graph.with_outputs({name: done[node] for name, node in graph.outputs.items()})


def _fresh(name: str, taken: set[str]) -> str:
    k, fresh = 1, name
    while fresh in taken:
        fresh, k = f"{name}'{k}", k + 1
    return fresh


def unique_kernels(kernels: Iterable[Kernel]) -> tuple[Kernel, ...]:
    """`kernels`, each under a name of its own."""
    taken: set[str] = set()
    found = []
    for kernel in kernels:
        name = _fresh(kernel.name, taken)
        taken.add(name)
        found.append(replace(kernel, name=name))
    return tuple(found)


def _kernel(graph: Graph, group: Group) -> Kernel:
    inside = set(group.nodes)
    outputs = set(graph.outputs.values())
    stored = [n for n in group.nodes if n in outputs or any(r not in inside for r in graph.uses[n])]
    return Kernel(kernel_name(group.nodes), tuple(group.nodes), tuple(stored), group.anchor)


def kernel_name(nodes: Iterable[Node]) -> str:
    """The layers a kernel comes from, joined: `conv1+relu1`."""
    parts = dict.fromkeys(n.name.split(".")[0].split("'")[0] for n in nodes if n.op not in FREE and n.name)
    shown = list(parts)[:MAX_NAME_PARTS]
    return "+".join(shown) + ("+" if len(parts) > MAX_NAME_PARTS else "")
