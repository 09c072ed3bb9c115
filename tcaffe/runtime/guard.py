"""The guard: emitted source is run only if it is made of what kernels are made of, and of nothing else.

A bundle may come from anybody. Its source can name numpy's array functions, its own arguments and its own functions;
it cannot import, reach an attribute that leads out of an array, or call a builtin beyond a few on numbers.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

MAX_SOURCE = 1 << 25  # characters

STATEMENTS = (ast.Assign, ast.AugAssign, ast.Expr, ast.For, ast.FunctionDef, ast.If, ast.Pass, ast.Return)
EXPRESSIONS = (
    *(ast.Attribute, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Constant, ast.IfExp, ast.List),
    *(ast.Name, ast.Slice, ast.Subscript, ast.Tuple, ast.UnaryOp),
)
OPERATORS = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.And, ast.Or, ast.Not),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot),
)
PARTS = (ast.arg, ast.arguments, ast.keyword, ast.Load, ast.Store)
ALLOWED = frozenset((*STATEMENTS, *EXPRESSIONS, *OPERATORS, *PARTS))

BUILTINS = frozenset(("divmod", "enumerate", "float", "int", "len", "max", "min", "range", "slice", "zip"))
METHODS = frozenset(("T", "fill", "max", "ndim", "reshape", "shape", "size", "sum", "swapaxes", "transpose"))
POOL = frozenset(("run", "workers"))
TEXTUAL = frozenset(("casting", "kind", "mode", "order", "side"))  # the arguments that may be a string
NUMPY = frozenset(
    (
        *("abs", "absolute", "add", "argmax", "argmin", "argpartition", "argsort", "array", "bool_"),
        *("broadcast_to", "ceil", "concatenate", "copysign", "copyto", "cumsum", "divide", "dot", "e", "equal"),
        *("exp", "exp2", "expand_dims", "expm1", "float16", "float32", "float64", "floor", "fmax", "fmin"),
        *("greater", "greater_equal", "inf", "int32", "int64", "less", "less_equal", "log", "log1p"),
        *("logical_and", "logical_not", "logical_or", "matmul", "maximum", "minimum", "mod", "multiply", "nan"),
        *("negative", "newaxis", "not_equal", "pi", "positive", "power", "reciprocal", "reshape", "rint", "sign"),
        *("sqrt", "square", "squeeze", "subtract", "swapaxes", "take", "take_along_axis", "tanh", "transpose"),
        *("true_divide", "trunc", "uint8", "where"),
        *("add.accumulate", "add.reduce", "maximum.reduce", "minimum.reduce", "multiply.reduce"),
        *("lib.stride_tricks.sliding_window_view"),
    )
)
RESERVED = BUILTINS | {"np"}


class GuardError(Exception):
    """A source holds something no kernel needs; the message names it and its line."""


def load_functions(source: str, filename: str) -> dict[str, Callable[..., None]]:
    """The kernels that `source` defines, by name; raises GuardError for a source that is not made of kernels only."""
    tree = check_source(source)
    scope: dict[str, Any] = {"__builtins__": _few_builtins(), "__name__": filename}
    exec(compile(tree, filename, "exec", dont_inherit=True), scope)
    return {name: scope[name] for name in signatures(tree)}


def check_source(source: str) -> ast.Module:
    """The parsed source, or GuardError."""
    if len(source) > MAX_SOURCE:
        raise GuardError(f"{len(source)} characters of source")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise GuardError(f"not Python: {type(error).__name__}") from error
    stack = [node for statement in tree.body for node in _top_level(statement)]
    while stack:
        node = stack.pop()
        if reason := _forbidden(node):
            raise GuardError(f"line {getattr(node, 'lineno', '?')}: {reason}")
        stack.extend(_children(node))
    return tree


def signatures(tree: ast.Module) -> dict[str, int]:
    """Each function that a source defines, with the number of its arguments."""
    return {node.name: len(node.args.args) for node in tree.body if isinstance(node, ast.FunctionDef)}


def _top_level(statement: ast.stmt) -> Iterator[ast.AST]:
    """What is left to check of a statement of the module: nothing of a docstring or of numpy's import."""
    match statement:
        case ast.Expr(ast.Constant(str())):
            return
        case ast.Import([ast.alias("numpy", "np")]):
            return
        case ast.FunctionDef():
            yield statement
        case _:
            raise GuardError(f"line {statement.lineno}: {type(statement).__name__} beside the kernels")


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of `node` that are left to check once `node` itself is found harmless."""
    match node:
        case ast.Attribute() if _numpy_name(node):
            return
        case ast.FunctionDef(body=[ast.Expr(ast.Constant(str())), *rest]):
            yield from (node.args, *rest)
        case ast.keyword(arg, ast.Constant(str())) if arg in TEXTUAL:
            return
        case _:
            yield from ast.iter_child_nodes(node)


def _forbidden(node: ast.AST) -> str:
    """Why `node` may not stand in a source, or nothing."""
    if type(node) not in ALLOWED:
        return f"{type(node).__name__} is not used by kernels"
    match node:
        case ast.FunctionDef():
            return _forbidden_function(node)
        case ast.arguments() if node.vararg or node.kwarg or node.posonlyargs or node.kwonlyargs:
            return "a function takes its arguments by position"
        case ast.arg(name, annotation):
            return "an annotation" if annotation else _forbidden_name(name, True)
        case ast.Name(name, context):
            return _forbidden_name(name, isinstance(context, ast.Store))
        case ast.Attribute():
            return _forbidden_attribute(node)
        case ast.Call(ast.Name(name)) if name in ("np", "pool"):
            return f"{name} is not a function"
        case ast.Call(ast.Name() | ast.Attribute()):
            return ""
        case ast.Call():
            return "a call of something without a name"
        case ast.keyword(None):
            return "a call with **"
        case ast.Constant(str() | bytes()):
            return "a string"
        case ast.For(iter=ast.Call(ast.Name("range" | "enumerate" | "zip")) | ast.Tuple()):
            return ""
        case ast.For():
            return "a loop over something else than a range or a tuple"
    return ""


def _forbidden_function(node: ast.FunctionDef) -> str:
    if node.decorator_list or node.returns:
        return "a decorator or an annotation"
    return _forbidden_name(node.name, True)


def _forbidden_name(name: str, stored: bool) -> str:
    if name.startswith("__"):
        return f"the name {name}"
    return f"a new meaning of {name}" if stored and name in RESERVED else ""


def _forbidden_attribute(node: ast.Attribute) -> str:
    if not isinstance(node.ctx, ast.Load):
        return f"an assignment to .{node.attr}"
    if name := _numpy_name(node):
        return "" if name in NUMPY else f"np.{name}"
    if isinstance(node.value, ast.Name) and node.value.id == "pool":
        return "" if node.attr in POOL else f"pool.{node.attr}"
    return "" if node.attr in METHODS else f".{node.attr}"


def _numpy_name(node: ast.Attribute) -> str:
    """`add.reduce` for `np.add.reduce`; empty for an attribute of anything but numpy."""
    parts: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    return ".".join(reversed(parts)) if isinstance(inner, ast.Name) and inner.id == "np" else ""


def _few_builtins() -> dict[str, Any]:
    return {"__import__": _import_numpy, **{name: getattr(builtins, name) for name in BUILTINS}}


def _import_numpy(name: str, *_: object) -> ModuleType:
    """All that an import in a source can reach."""
    if name != "numpy":
        raise GuardError(f"import {name}")
    return np
