"""Canonical sources: a kernel under names that say nothing, so that kernels that do the same are compiled once."""

from __future__ import annotations

import ast
from collections.abc import Iterator

ENTRY = "kernel"
"""What every function is called that is compiled."""


def canonical(source: str) -> dict[str, str]:
    """A module of its own for each kernel of a checked source, by the kernel's name."""
    tree = ast.parse(source)
    imports = [ast.unparse(s) for s in tree.body if isinstance(s, ast.Import)]
    functions = {s.name: s for s in tree.body if isinstance(s, ast.FunctionDef)}
    return {name: "\n\n".join([*imports, *_with_helpers(function, functions)]) for name, function in functions.items()}


def _with_helpers(function: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """The functions that a kernel calls, and the kernel itself under other names."""
    called = {n.func.id for n in ast.walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    yield from (ast.unparse(functions[name]) for name in functions if name in called and name != function.name)
    names = [a.arg for a in function.args.args]
    names += [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    blocks = {a.arg for a in function.args.args if a.annotation}
    renamed = _Renamed({name: f"v{k}" for k, name in enumerate(dict.fromkeys(names)) if name not in blocks})
    copy = renamed.visit(ast.parse(ast.unparse(function)).body[0])
    copy.name = ENTRY
    if ast.get_docstring(copy):
        del copy.body[0]
    yield ast.unparse(copy)


class _Renamed(ast.NodeTransformer):
    """Other names for arguments and variables."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A variable."""
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """An argument."""
        node.arg = self.names.get(node.arg, node.arg)
        return node
