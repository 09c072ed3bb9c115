"""`order`: in which order kernels run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tcaffe.ir import ops
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program
from tcaffe.passes.alias import reads_in_place

VIEWS = (ops.keep, ops.reshape, ops.slice_, ops.transpose)
Key = Callable[[Kernel], tuple[int, ...]]


def order(program: Program) -> Program:
    """The order, of the layers' own and two others, that needs the fewest bytes; the first if equal."""
    candidates = [Schedule(program).run(rule) for rule in (_as_written, _frees_most, _when_needed)]
    return min(candidates, key=_footprint)


def _footprint(program: Program) -> tuple[int, int]:
    """The most bytes live at a time, and the bytes live over time, as near as that is known before places are decided.

    What only arranges takes none, and a result lies in the place of an operand that dies where it may.
    """
    last = {_home(v): time for time, kernel in enumerate(program.kernels) for v in (*kernel.outputs, *kernel.inputs)}
    last |= {_home(v): len(program.kernels) for v in program.outputs.values()}
    live = sum(v.type.nbytes for v in program.inputs)
    peak = total = live
    for time, kernel in enumerate(program.kernels):
        dying = {_home(v): v for v in kernel.inputs if last[_home(v)] == time and _home(v).op is not ops.param}
        taken: set[Node] = set()
        born = 0
        for value in kernel.outputs:
            if _home(value) is value:
                place = next((h for h, v in dying.items() if h not in taken and _may_take(kernel, v, value)), None)
                taken |= {place} if place else set()
                born += value.type.nbytes - (place.type.nbytes if place else 0)
        peak = max(peak, live + born)
        live += born - sum(home.type.nbytes for home in dying if home not in taken)
        total += live
    return peak, total


def _may_take(kernel: Kernel, operand: Node, value: Node) -> bool:
    """Whether `value` may lie where `operand` lay."""
    if kernel.nodes[0].op is ops.concat:
        return True
    return operand.type.nbytes == value.type.nbytes and reads_in_place(kernel, operand, value)


def _home(value: Node) -> Node:
    """The value in whose bytes `value` is: itself, or what it arranges or keeps."""
    return _home(value.inputs[0]) if value.op in VIEWS else value


class Schedule:
    """Kernels laid down one by one, each when all it reads is there.

    Kernels that only read what is kept compute something again, and run right before the first one that reads it.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.position = {kernel: k for k, kernel in enumerate(program.kernels)}
        self.maker: dict[Node, Kernel] = {v: k for k in program.kernels for v in k.outputs}
        self.again: dict[Kernel, None] = {}
        for kernel in program.kernels:
            late = kernel.inputs and all(v.op is ops.keep for v in kernel.inputs)
            if late or kernel.outputs[0].op is ops.keep:
                self.again[kernel] = None
        self.first = {kernel: self._first(kernel) for kernel in program.kernels if kernel not in self.again}
        self.followers = self._followers()
        self._write_last()
        self.done: dict[Kernel, None] = {}
        self.readers = Counter(_home(v) for kernel in program.kernels for v in set(kernel.inputs))
        self.readers.update(_home(v) for v in program.outputs.values())
        self._growth: dict[Kernel, int] = {}
        self._concerned: dict[Node, list[Kernel]] = {}  # kernels whose growth depends on who else reads a value
        for kernel, before in self.first.items():
            for home in {_home(v) for k in (*before, kernel) for v in k.inputs}:
                self._concerned.setdefault(home, []).append(kernel)

    def _first(self, kernel: Kernel) -> list[Kernel]:
        """The kernels that compute something again for `kernel`, each after those it needs itself."""
        found: dict[Kernel, None] = {}

        def visit(reader: Kernel) -> None:
            for value in reader.inputs:
                maker = self.maker.get(value)
                if maker in self.again and maker not in found:
                    visit(maker)
                    found[maker] = None

        visit(kernel)
        return list(found)

    def _followers(self) -> dict[Kernel, dict[Kernel, None]]:
        """For each kernel those that read what it makes."""
        followers: dict[Kernel, dict[Kernel, None]] = {kernel: {} for kernel in self.first}
        for kernel, before in self.first.items():
            for maker in {self.maker.get(v): None for k in (*before, kernel) for v in k.inputs}:
                if maker in self.first:
                    followers[maker][kernel] = None
        return followers

    def _write_last(self) -> None:
        """Let what reads a parameter run before its next value is made, or where that needs the reader, assigned."""
        readers: dict[Node, list[Kernel]] = {}
        for kernel, before in self.first.items():
            for value in {_home(v): None for k in (*before, kernel) for v in k.packed}:
                readers.setdefault(value, []).append(kernel)
        for kernel in self.first:
            if kernel.nodes[0].op is ops.assign:
                param, new = kernel.nodes[0].inputs
                writer = self.maker.get(new, kernel)
                for reader in readers.get(param, ()):
                    later = writer if writer in self.first and not self._leads(writer, reader) else kernel
                    if reader not in (writer, kernel):
                        self.followers[reader][later] = None

    def _leads(self, kernel: Kernel, other: Kernel) -> bool:
        """Whether `other` has to run after `kernel`."""
        pending, seen = [kernel], {kernel}
        while pending:
            following = self.followers[pending.pop()].keys() - seen
            if other in following:
                return True
            seen |= following
            pending += following
        return False

    def run(self, rule: Callable[[Schedule], Key]) -> Program:
        """The program in the order in which the key that `rule` makes is smallest among the kernels that are ready."""
        key, followers = rule(self), self.followers
        waiting = Counter(follower for each in followers.values() for follower in each)
        waiting.update(dict.fromkeys(self.first, 0))
        ready = [kernel for kernel, count in waiting.items() if not count]
        while ready:
            kernel = min(ready, key=key)
            ready.remove(kernel)
            for each in (*self.first[kernel], kernel):
                self._lay(each)
            for follower in followers[kernel]:
                waiting[follower] -= 1
                ready += [follower] if not waiting[follower] else []
        for kernel in self.again:  # whose results are outputs, or nobody's
            self._lay(kernel)
        return replace(self.program, kernels=tuple(self.done))

    def _lay(self, kernel: Kernel) -> None:
        if kernel not in self.done:
            self.done[kernel] = None
            for home in map(_home, set(kernel.inputs)):
                self.readers[home] -= 1
                for concerned in self._concerned.get(home, ()):
                    self._growth.pop(concerned, None)

    def growth(self, kernel: Kernel) -> int:
        """Bytes that come to be live less bytes that die when `kernel` runs next, with what it needs computed again."""
        if kernel not in self._growth:
            self._growth[kernel] = self._grown(kernel)
        return self._growth[kernel]

    def _grown(self, kernel: Kernel) -> int:
        run = [k for k in (*self.first[kernel], kernel) if k not in self.done]
        born = sum(v.type.nbytes for k in run for v in k.outputs if v.op not in VIEWS)
        reads = Counter(_home(v) for k in run for v in set(k.inputs))
        return born - sum(home.type.nbytes for home, count in reads.items() if self.readers[home] == count)


def _as_written(schedule: Schedule) -> Key:
    """The kernel whose layers come first in the file."""
    lines = {k: min((n.span.line for n in k.nodes if n.span), default=p) for k, p in schedule.position.items()}
    return lambda kernel: (lines[kernel], schedule.position[kernel])


def _frees_most(schedule: Schedule) -> Key:
    """The kernel that leaves the fewest bytes live."""
    written = _as_written(schedule)
    return lambda kernel: (schedule.growth(kernel), *written(kernel))


def _when_needed(schedule: Schedule) -> Key:
    """The kernel that comes first when outputs are computed one after the other, the last one first.

    Gradients stand in the order of the parameters, so theirs is the order in which a net runs backward. Of what a
    kernel reads, that comes first behind which most lies: the gradient before what is computed again to meet it.
    """
    maker = schedule.maker
    depth: dict[Kernel, int] = {}
    for kernel in schedule.program.kernels:
        depth[kernel] = 1 + max((depth[maker[v]] for v in kernel.inputs if v in maker), default=0)
    rank: dict[Kernel, int] = {}
    pending = [(maker[value], False) for value in schedule.program.outputs.values() if value in maker]
    while pending:
        kernel, ready = pending.pop()
        if ready:
            rank.setdefault(kernel, len(rank))
        elif kernel not in rank:
            pending.append((kernel, True))
            makers = [maker[v] for v in kernel.inputs if v in maker]
            pending += ((k, False) for k in sorted(makers, key=depth.__getitem__))
    return lambda kernel: (rank[kernel],)
