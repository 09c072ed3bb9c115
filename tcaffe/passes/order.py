"""`order`: in which order kernels run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel, Program
from tcaffe.passes.lifetimes import buffers
from tcaffe.passes.planner import lower_bound

Pick = Callable[[list[Kernel], "Schedule"], Kernel]


def order(program: Program) -> Program:
    """The order, of the layers' own and a greedy one, that needs fewer bytes at its peak; the layers' own if equal."""
    candidates = [Schedule(program).run(pick) for pick in (_as_written, _frees_most)]
    return min(candidates, key=_peak)


def _peak(program: Program) -> int:
    """The lower bound with a buffer a value: views and sharing are not decided yet."""
    homes = {value: value.name for value in program.stored}
    sizes = {value.name: value.type.nbytes for value in program.stored}
    return lower_bound(buffers(program, homes, sizes))


class Schedule:
    """Kernels laid down one by one, each when all it reads is there."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.position = {kernel: k for k, kernel in enumerate(program.kernels)}
        self.maker: Mapping[Node, Kernel] = {v: k for k in program.kernels for v in k.outputs}
        self.left = dict.fromkeys(program.stored, 0)
        for kernel in program.kernels:
            for value in kernel.inputs:
                self.left[value] += 1
        for value in program.outputs.values():
            self.left[value] = self.left.get(value, 0) + 1

    def run(self, pick: Pick) -> Program:
        """The program in the order `pick` chooses among the kernels that are ready."""
        waiting = {k: len({self.maker[v] for v in k.inputs if v in self.maker}) for k in self.program.kernels}
        readers: dict[Kernel, dict[Kernel, None]] = {k: {} for k in self.program.kernels}
        for kernel in self.program.kernels:
            for value in kernel.inputs:
                if value in self.maker:
                    readers[self.maker[value]][kernel] = None
        ready = [k for k, n in waiting.items() if not n]
        done: list[Kernel] = []
        while ready:
            kernel = pick(ready, self)
            ready.remove(kernel)
            done.append(kernel)
            for value in kernel.inputs:
                self.left[value] -= 1
            for reader in readers[kernel]:
                waiting[reader] -= 1
                ready += [reader] if not waiting[reader] else []
        for kernel in done:
            for value in kernel.inputs:
                self.left[value] += 1
        return replace(self.program, kernels=tuple(done))

    def written(self, kernel: Kernel) -> int:
        """Where the kernel's layers stand in the file."""
        return min((n.span.line for n in kernel.nodes if n.span), default=self.position[kernel])

    def growth(self, kernel: Kernel) -> int:
        """Bytes that come to be live less bytes that die when `kernel` runs next."""
        dying = sum(v.type.nbytes for v in set(kernel.inputs) if self.left.get(v) == kernel.inputs.count(v))
        return sum(v.type.nbytes for v in kernel.outputs) - dying


def _as_written(ready: list[Kernel], schedule: Schedule) -> Kernel:
    """The kernel whose layers come first in the file."""
    return min(ready, key=lambda k: (schedule.written(k), schedule.position[k]))


def _frees_most(ready: list[Kernel], schedule: Schedule) -> Kernel:
    """The kernel that leaves the fewest bytes live."""
    return min(ready, key=lambda k: (schedule.growth(k), schedule.written(k), schedule.position[k]))
