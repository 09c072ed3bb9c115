"""The guard: emitted source is run only if it is made of what kernels are made of, and of nothing else.

A bundle may come from anybody. Its source can name numpy's array functions, its own arguments and its own functions;
it cannot import, reach an attribute that leads out of an array, or call a builtin beyond a few on numbers.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

MAX_SOURCE = 1 << 25  # characters

BUILTINS = frozenset(("divmod", "enumerate", "float", "int", "len", "max", "min", "range", "slice", "zip"))
METHODS = frozenset(("T", "fill", "max", "ndim", "reshape", "shape", "size", "sum", "swapaxes", "transpose", "view"))
POOL = frozenset(("run", "workers"))
TEXTUAL = frozenset(("casting", "kind", "mode", "order", "side"))  # the arguments that may be a string
NUMPY = frozenset(
    (
        *("abs", "absolute", "add", "argmax", "argmin", "argpartition", "argsort", "array", "bitwise_and"),
        *("bitwise_xor", "bool_", "right_shift"),
        *("broadcast_to", "ceil", "concatenate", "copysign", "copyto", "cumsum", "divide", "dot", "e", "equal"),
        *("exp", "exp2", "expand_dims", "expm1", "float16", "float32", "float64", "floor", "fmax", "fmin"),
        *("greater", "greater_equal", "inf", "int16", "int32", "int64", "less", "less_equal", "log", "log1p"),
        *("logical_and", "logical_not", "logical_or", "matmul", "maximum", "minimum", "mod", "multiply", "nan"),
        *("negative", "newaxis", "not_equal", "pi", "positive", "power", "reciprocal", "reshape", "rint", "sign"),
        *("sqrt", "square", "squeeze", "subtract", "swapaxes", "take", "take_along_axis", "tanh", "transpose"),
        *("true_divide", "trunc", "uint8", "where"),
        *("add.accumulate", "add.at", "add.reduce", "maximum.reduce", "minimum.reduce", "multiply.reduce"),
        *("einsum", "lib.stride_tricks.sliding_window_view"),
    )
)
RESERVED = BUILTINS | {"np"}


class GuardError(Exception):
    """A source holds something no kernel needs; the message names it and its line."""


def load_functions(source: str, filename: str) -> dict[str, Callable[..., Callable[[], None]]]:
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
        if type(node) not in CHECKS:
            _refuse(node, f"{type(node).__name__} is not used by kernels")
        check = CHECKS[type(node)]
        stack.extend(check(node) if check else ast.iter_child_nodes(node))
    return tree


def signatures(tree: ast.Module) -> dict[str, int]:
    """Each function that a source defines, with the number of its arguments."""
    return {node.name: len(node.args.args) for node in tree.body if isinstance(node, ast.FunctionDef)}


def _refuse(node: Any, reason: str) -> NoReturn:
    raise GuardError(f"line {getattr(node, 'lineno', '?')}: {reason}")


def _top_level(statement: ast.stmt) -> Iterable[ast.AST]:
    """What is left to check of a statement of the module: nothing of a docstring or of numpy's import."""
    match statement:
        case ast.Expr(ast.Constant(str())) | ast.Import([ast.alias("numpy", "np")]):
            return ()
        case ast.FunctionDef():
            return (statement,)
    _refuse(statement, f"{type(statement).__name__} beside the kernels")


# Each of these refuses a node or returns the parts of it that are left to check.


def _function(node: ast.FunctionDef) -> Iterable[ast.AST]:
    if node.decorator_list or node.returns:
        _refuse(node, "a decorator or an annotation")
    _new_name(node, node.name)
    match node.body:
        case [ast.Expr(ast.Constant(str())), *rest]:
            return (node.args, *rest)
    return (node.args, *node.body)


def _arguments(node: ast.arguments) -> Iterable[ast.AST]:
    others = (node.vararg, node.kwarg, *node.posonlyargs, *node.kwonlyargs, *node.defaults)
    for other in filter(None, others):
        _refuse(other, "a function takes its arguments by position, all of them")
    return node.args


def _argument(node: ast.arg) -> Iterable[ast.AST]:
    if node.annotation:
        _refuse(node, "an annotation")
    _new_name(node, node.arg)
    return ()


def _name(node: ast.Name) -> Iterable[ast.AST]:
    if isinstance(node.ctx, ast.Store):
        _new_name(node, node.id)
    elif node.id.startswith("__") or node.id == "np":
        _refuse(node, f"the name {node.id} by itself")
    return ()


def _new_name(node: ast.AST, name: str) -> None:
    if name.startswith("__") or name in RESERVED:
        _refuse(node, f"a new meaning of {name}")


def _attribute(node: ast.Attribute) -> Iterable[ast.AST]:
    if not isinstance(node.ctx, ast.Load):
        _refuse(node, f"an assignment to .{node.attr}")
    if name := _numpy_name(node):
        if name not in NUMPY:
            _refuse(node, f"np.{name}")
        return ()
    of_pool = isinstance(node.value, ast.Name) and node.value.id == "pool"
    if node.attr not in (POOL if of_pool else METHODS):
        _refuse(node, f"{'pool' if of_pool else ''}.{node.attr}")
    return (node.value,)


def _call(node: ast.Call) -> Iterable[ast.AST]:
    if not isinstance(node.func, ast.Name | ast.Attribute):
        _refuse(node, "a call of something without a name")
    match node:
        case ast.Call(ast.Attribute() as function, [ast.Constant(str()), *rest]) if _numpy_name(function) == "einsum":
            return (function, *rest, *node.keywords)
    return (node.func, *node.args, *node.keywords)


def _keyword(node: ast.keyword) -> Iterable[ast.AST]:
    if node.arg is None:
        _refuse(node, "a call with **")
    textual = node.arg in TEXTUAL and isinstance(node.value, ast.Constant)
    return () if textual else (node.value,)


def _constant(node: ast.Constant) -> Iterable[ast.AST]:
    if isinstance(node.value, str | bytes):
        _refuse(node, "a string")
    return ()


def _loop(node: ast.For) -> Iterable[ast.AST]:
    match node.iter:
        case ast.Call(ast.Name("range" | "enumerate" | "zip")) | ast.Tuple():
            return ast.iter_child_nodes(node)
    _refuse(node, "a loop over something else than a range or a tuple")


def _numpy_name(node: ast.Attribute) -> str:
    """`add.reduce` for `np.add.reduce`; empty for an attribute of anything but numpy."""
    parts: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    return ".".join(reversed(parts)) if isinstance(inner, ast.Name) and inner.id == "np" else ""


OPERATORS = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.And, ast.Or, ast.Not),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.Load, ast.Store),
)
STATEMENTS = (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.Pass, ast.Return)
EXPRESSIONS = (
    *(ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.List, ast.Slice, ast.Subscript, ast.Tuple, ast.UnaryOp),
)
CHECKS: dict[type[ast.AST], Callable[[Any], Iterable[ast.AST]] | None] = {
    **dict.fromkeys((*OPERATORS, *STATEMENTS, *EXPRESSIONS)),
    ast.FunctionDef: _function,
    ast.arguments: _arguments,
    ast.arg: _argument,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.keyword: _keyword,
    ast.Constant: _constant,
    ast.For: _loop,
}


def _few_builtins() -> dict[str, Any]:
    return {"__import__": _import_numpy, **{name: getattr(builtins, name) for name in BUILTINS}}


def _import_numpy(name: str, *_: object) -> ModuleType:
    """All that an import in a source can reach."""
    if name != "numpy":
        raise GuardError(f"import {name}")
    return np
