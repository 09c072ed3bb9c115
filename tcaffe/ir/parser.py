"""Reads printed graphs and programs back: `parse_graph(print_graph(g))` prints like g."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from tcaffe.diagnostics import Span
from tcaffe.ir.graph import Graph
from tcaffe.ir.node import Node
from tcaffe.ir.ops import OPS
from tcaffe.ir.program import Buffer, Kernel, MemoryPlan, Place, Program, Scratch
from tcaffe.ir.types import DTYPES, IRError, TensorType

TOKEN = re.compile(
    r"""\s*(?:
      (?P<comment>\#[ ](?P<file>[\w./'+-]+):(?P<line>\d+)[ ]*(?=\n|$)) | (?P<remark>\#[^\n]*)
    | (?P<name>%(?:[\w./'+-]+|"(?:[^"\\]|\\.)*"))
    | (?P<at>@(?:[\w./'+-]+|"(?:[^"\\]|\\.)*"))
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>-?(?:0x[0-9a-f]+|inf|nan|\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.]))
    | (?P<word>[A-Za-z_][\w./'+-]*)
    | (?P<mark>[][{}():,=@+])
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: its kind, its characters, the line it stands on."""

    kind: str
    text: str
    line: int


def parse_graph(text: str) -> Graph:
    """The graph that `text` prints; raises IRError naming the line that cannot be read."""
    reader = Reader(text)
    reader.expect("graph")
    graph = reader.graph()
    reader.end()
    return graph


def parse_program(text: str) -> Program:
    """The program that `text` prints; raises IRError naming the line that cannot be read."""
    reader = Reader(text)
    reader.expect("program")
    program = reader.program()
    reader.end()
    return program


@dataclass
class Reader:
    """A recursive-descent reader over the tokens of one text."""

    text: str
    tokens: list[Token] = field(init=False)
    at: int = 0
    env: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = tokenize(self.text)

    # ── tokens ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def next(self) -> Token:
        """The token that is not taken yet."""
        return self.tokens[self.at]

    def fail(self, message: str) -> IRError:
        """An error that shows the line last read from."""
        line = self.tokens[max(0, self.at - 1)].line
        source = self.text.splitlines()[line - 1] if self.text else ""
        return IRError(f"line {line}: {message}\n  {source.strip()}")

    @property
    def found(self) -> str:
        """The next token as a message shows it."""
        return repr(self.next.text) if self.next.text else "the end"

    def take(self, kind: str = "") -> str:
        """The next token's text, which must be of `kind` if one is given."""
        token = self.next
        if token.kind == "end" or (kind and token.kind != kind):
            raise self.fail(f"expected {f'a {kind}' if kind else 'more'}, found {self.found}")
        self.at += 1
        return token.text

    def accept(self, text: str) -> bool:
        """Whether the next token is `text`, which is then taken."""
        if self.next.kind not in ("string", "end") and self.next.text == text:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Take `text`, or fail."""
        if not self.accept(text):
            raise self.fail(f"expected {text!r}, found {self.found}")

    def end(self) -> None:
        """Nothing may follow."""
        if self.next.kind != "end":
            raise self.fail(f"unexpected {self.next.text!r}")

    def name(self) -> str:
        """A `%name`, without its sign."""
        return unquote(self.take("name")[1:])

    def value(self) -> Any:
        """An attribute: a number, a word, a string, a list."""
        token = self.next
        if self.accept("["):
            items = []
            while not self.accept("]"):
                items.append(self.value())
                self.accept(",")
            return tuple(items)
        if token.kind == "number":
            return number(self.take())
        if token.kind == "string":
            return unquote(self.take())
        word = self.take("word")
        return {"true": True, "false": False}.get(word, word)

    def attrs(self) -> dict[str, Any]:
        """`{key=value, ...}`, or nothing."""
        found: dict[str, Any] = {}
        if self.accept("{"):
            while not self.accept("}"):
                key = self.take("word")
                self.expect("=")
                found[key] = self.value()
                self.accept(",")
        return found

    def type(self) -> TensorType:
        """`: f32[2,3]{1,0}`."""
        self.expect(":")
        dtype = self.take("word")
        if dtype not in DTYPES:
            raise self.fail(f"unknown element type {dtype!r}")
        shape = self.value()
        order = self.order() if self.next.text == "{" and self.tokens[self.at + 1].kind == "number" else ()
        return TensorType(shape, dtype, order)

    def order(self) -> tuple[int, ...]:
        """`{0,2,3,1}`, the physical order of a type."""
        self.expect("{")
        axes = []
        while not self.accept("}"):
            axes.append(int(self.take("number")))
            self.accept(",")
        return tuple(axes)

    # ── nodes and graphs ────────────────────────────────────────────────────────────────────────────

    def graph(self) -> Graph:
        """`@name { nodes return outputs }`; names are the graph's own."""
        name = unquote(self.take("at")[1:])
        self.expect("{")
        outer, self.env = self.env, {}
        while not self.accept("return"):
            self.node()
        graph = Graph(name, self.outputs())
        self.expect("}")
        self.env = outer
        return graph

    def outputs(self) -> dict[str, Node]:
        """`%a, name=%b` after `return`."""
        found: dict[str, Node] = {}
        while self.next.text != "}" and (not found or self.accept(",")):
            alias = self.take() if self.next.kind in ("word", "string", "number") else ""
            if alias:
                self.expect("=")
            name = self.name()
            found[unquote(alias) if alias else name] = self.lookup(name)
        return found

    def lookup(self, name: str) -> Node:
        """The node of that name."""
        if name not in self.env:
            raise self.fail(f"%{name} is not defined before this line")
        return self.env[name]

    def node(self) -> Node:
        """One line that declares a node."""
        leaf = self.take() if self.next.text in ("input", "param") and self.next.kind == "word" else ""
        name, kind = self.name(), self.type()
        if name in self.env:
            raise self.fail(f"%{name} is declared twice")
        op, operands = leaf, []
        if not leaf:
            self.expect("=")
            op, operands = self.take("word"), self.operands()
        node = self.build(op, operands, self.attrs(), kind, name)
        if self.next.kind == "comment":
            file, _, line = self.take()[2:].strip().rpartition(":")
            node = replace(node, span=Span(file, int(line), 1, 0, ""))
        self.env[name] = node
        return node

    def operands(self) -> list[Node | float]:
        """`(%x, 2.0)`."""
        self.expect("(")
        found: list[Node | float] = []
        while not self.accept(")"):
            found.append(self.lookup(self.name()) if self.next.kind == "name" else float(self.value()))
            self.accept(",")
        return found

    def build(self, op: str, operands: list[Node | float], attrs: dict[str, Any], kind: TensorType, name: str) -> Node:
        """The node of one line; fails when the type it declares is not the one its op infers."""
        if op not in OPS:
            raise self.fail(f"there is no core op {op!r}")
        declared = {"shape": kind.shape, "dtype": kind.dtype}
        attrs = {**{k: v for k, v in declared.items() if k in OPS[op].attributes and k not in attrs}, **attrs}
        try:
            node = OPS[op](*operands, name=name, **attrs)
        except IRError as error:
            raise self.fail(str(error)) from None
        if not node.type.same_value(kind):
            raise self.fail(f"the line says {kind}, {op} gives {node.type}")
        return replace(node, name=name, type=kind, span=None)

    # ── programs ────────────────────────────────────────────────────────────────────────────────────

    def program(self) -> Program:
        """`@name { buffers inputs params kernels views return outputs } prepare graph ...`."""
        name = unquote(self.take("at")[1:])
        self.expect("{")
        buffers, kernels, views, places = [], [], [], dict[str, Place]()
        inputs: list[Node] = []
        while not self.accept("return"):
            if self.accept("buffer"):
                buffers.append(self.buffer())
            elif self.accept("kernel"):
                kernels.append(self.kernel(places))
            elif self.accept("view"):
                views.append(self.placed(places))
            else:
                node = self.placed(places)
                inputs += [node] if node.op.name == "input" else []
        outputs = self.outputs()
        self.expect("}")
        self.expect("prepare")
        self.expect("graph")
        plan = MemoryPlan(max((b.offset + b.size for b in buffers), default=0), 0, "", 0, tuple(buffers))
        prepared = self.graph()
        return Program(
            name, tuple(kernels), tuple(inputs), outputs, prepared, tuple(views), places, plan if buffers else None
        )

    def placed(self, places: dict[str, Place]) -> Node:
        """A node and, if the line tells it, its place."""
        node = self.node()
        if place := self.place():
            places[node.name] = place
        if self.next.kind == "comment":
            file, _, line = self.take()[2:].strip().rpartition(":")
            node = self.env[node.name] = replace(node, span=Span(file, int(line), 1, 0, ""))
        return node

    def place(self) -> Place | None:
        """`@ %buffer+0x40 [4]`, or nothing."""
        if not self.accept("@"):
            return None
        buffer = self.name_before_plus()
        return Place(buffer, number(self.take("number")), self.value())

    def name_before_plus(self) -> str:
        """`%name+`: a bare name swallows the sign and the number behind it, so both are split off again."""
        text = self.take("name")[1:]
        if text.startswith('"'):
            self.expect("+")
            return unquote(text)
        name, _, offset = text.rpartition("+")
        self.at -= 1
        self.tokens[self.at] = Token("number", offset, self.tokens[self.at].line)
        return name

    def buffer(self) -> Buffer:
        """`%name: bytes live start to end @ arena+offset`."""
        name = self.name()
        self.expect(":")
        size = number(self.take("number"))
        self.expect("live")
        start = number(self.take("number"))
        self.expect("to")
        end = number(self.take("number"))
        self.expect("@")
        return Buffer(name, size, start, end, number(self.take("word").removeprefix("arena+")))

    def kernel(self, places: dict[str, Place]) -> Kernel:
        """`@name {attrs} { scratch pack nodes }`."""
        name, attrs = unquote(self.take("at")[1:]), {}
        if self.tokens[self.at + 2].text == "=":
            attrs = self.attrs()
        self.expect("{")
        scratch, packing, nodes, outputs = [], dict[Node, Node](), [], []
        while not self.accept("}"):
            if self.accept("scratch"):
                scratch.append(Scratch(self.name(), self.type()))
                if place := self.place():
                    places[scratch[-1].name] = place
            elif self.accept("pack"):
                packed, kind = self.name(), self.type()
                self.expect("=")
                prepared = OPS["param"](shape=kind.shape, dtype=kind.dtype, name=packed)
                packing[self.lookup(self.name())] = self.env.get(packed, prepared)
            else:
                stored = self.accept("store")
                node = self.placed(places)
                nodes += [node] if node.op.name != "const" else []
                outputs += [node] if stored else []
        anchor = self.env[attrs.pop("anchor")] if "anchor" in attrs else None
        return Kernel(name, tuple(nodes), tuple(outputs), anchor, MappingProxyType(attrs), packing, tuple(scratch))


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, remarks left out; raises IRError at a character that starts none."""
    tokens, at, line = [], 0, 1
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise IRError(f"line {line + text.count(chr(10), at, at + 1)}: cannot read {text[at : at + 20].strip()!r}")
        kind = str(match.lastgroup)
        line += text.count("\n", at, match.start(kind))
        if kind != "remark":
            tokens.append(Token(kind, match[kind], line))
        at = match.end()
    return [*tokens, Token("end", "", line), Token("end", "", line), Token("end", "", line)]


def unquote(text: str) -> str:
    """A name or string without its quotes, if it has any."""
    return str(json.loads(text)) if text.startswith('"') else text


def number(text: str) -> Any:
    """An int where the text is one, else a float."""
    try:
        return int(text, 0)
    except ValueError:
        return float(text)
