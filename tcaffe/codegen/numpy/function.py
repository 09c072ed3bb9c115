"""A kernel's function while it is written: its arguments, its names, what comes before its task and the task itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tcaffe.codegen.names import identifier
from tcaffe.codegen.source import Source
from tcaffe.ir.node import Node
from tcaffe.ir.program import Kernel
from tcaffe.ir.types import TensorType

Order = tuple[int, ...]


@dataclass
class Function:
    """The emitted function of one kernel: it binds arrays and returns what runs the kernel on them.

    `prelude` is evaluated when the arrays are bound, `start` at the start of every run, `body` for every task, `end`
    when all of them are done.
    """

    kernel: Kernel
    name: str
    prelude: Source = field(default_factory=Source)
    start: Source = field(default_factory=Source)
    body: Source = field(default_factory=Source)
    end: Source = field(default_factory=Source)
    tasks: str = "1"
    arguments: dict[Node, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        kernel = self.kernel
        forms = list(zip(kernel.reads, kernel.packed, strict=True))
        for read, form in sorted(forms, key=lambda pair: pair[1].op.name == "param"):  # parameters come last
            self._bind(read, form.name)
        for value in kernel.outputs:
            self._bind(value, value.name)
        self.scratch = {s.name: self.fresh(s.name.rpartition(".")[2]) for s in kernel.scratch}
        self.types = {s.name.rpartition(".")[2]: s.type for s in kernel.scratch}
        self._aliases: dict[str, str] = {}
        self._turned: dict[Node, Order] = {}

    def _bind(self, node: Node, hint: str) -> None:
        if node not in self.arguments:
            self.arguments[node] = self.fresh(hint)

    @property
    def signature(self) -> str:
        """The head of the function."""
        return f"def {self.name}({', '.join(['pool', *self.arguments.values(), *self.scratch.values()])}):"

    def fresh(self, hint: str) -> str:
        """A name nobody has used in this function, like `hint`."""
        name = identifier(hint, self.taken)
        self.taken.add(name)
        return name

    def has(self, what: str) -> bool:
        """Whether the kernel has scratch memory called `what`."""
        return what in self.types

    def memory(self, what: str) -> str:
        """The argument that holds the scratch memory called `what`."""
        return self.scratch[f"{self.kernel.name}.{what}"]

    def memory_type(self, what: str) -> TensorType:
        """Its type."""
        return self.types[what]

    def laid_out(self, node: Node, order: Order) -> str:
        """The argument of `node`, its axes turned into `order`."""
        name = self.arguments[node]
        if order == tuple(range(len(order))):
            assert self._turned.setdefault(node, order) == order, f"{name} has been turned already"
            return name
        turned = f"{name}.transpose({', '.join(map(str, order))})"
        if self._turned.setdefault(node, order) != order:  # it is read in its own order, too
            return self.alias(turned, f"{name}_last")
        if turned not in self._aliases:
            self._aliases[turned] = name
            self.prelude.line(f"{name} = {turned}")
        return name

    def alias(self, expression: str, hint: str) -> str:
        """A name for `expression`, evaluated when the arrays are bound."""
        if expression not in self._aliases:
            self._aliases[expression] = self.fresh(hint)
            self.prelude.line(f"{self._aliases[expression]} = {expression}")
        return self._aliases[expression]

    def once(self, line: str) -> None:
        """Write a line at the start of a run, unless it stands there."""
        if line not in self._aliases:
            self._aliases[line] = ""
            self.start.line(line)

    @property
    def worker(self) -> str:
        """The number of the worker that runs the task."""
        return "0" if self.tasks == "1" else "worker"

    def write(self, out: Source, words: str) -> None:
        """Write the whole function into `out`, with `words` as its docstring."""
        with out.block(self.signature):
            out.line(f'"""{words}"""')
            out.append(self.prelude)
            if self.tasks != "1":
                with self._part(out, "def task(i, worker):"):
                    out.append(self.body)
                self.start.line(f"pool.run(task, {self.tasks})")
            else:
                self.start.append(self.body)
            with self._part(out, "def run():"):
                out.append(self.start)
                out.append(self.end)
            out.lines("", "return run")

    @contextmanager
    def _part(self, out: Source, header: str) -> Iterator[None]:
        """A function inside, set apart."""
        out.line()
        with out.block(header):
            yield
