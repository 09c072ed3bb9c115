"""The guard of Triton code: a source is run only if it is made of what emitted kernels are made of.

It can name `tl` functions from a list, its own arguments and its own functions, and nothing else: there is no way to an
attribute, an import or a builtin that leads out of a kernel.
"""

from __future__ import annotations

import ast
from typing import NoReturn

from tcaffe.runtime.guard import MAX_SOURCE, GuardError

IMPORTS = ("import triton", "import triton.language as tl")
LANGUAGE = frozenset(
    (
        *("abs", "arange", "argmax", "bfloat16", "cat", "constexpr", "cumsum", "debug_barrier", "device_print", "dot"),
        *("erf", "exp", "exp2", "float16", "float32", "float64", "floor", "full", "int1", "int32", "int64", "int8"),
        *("load", "log", "log2", "max", "maximum", "min", "minimum", "multiple_of", "program_id", "range", "reshape"),
        *("rsqrt", "sqrt", "static_range", "store", "sum", "trans", "uint32", "uint64", "uint8", "umulhi", "where"),
        *("PropagateNan", "PropagateNan.ALL", "join", "philox"),
    )
)
"""What kernels use of triton.language."""
METHODS = frozenset(("to", "shape", "dtype", "T"))
BUILTINS = frozenset(("float", "range"))
PLAIN = (
    *(ast.Expr, ast.Assign, ast.AugAssign, ast.For, ast.If, ast.Pass, ast.Return, ast.Load, ast.Store, ast.Constant),
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.keyword, ast.Call),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.Invert, ast.Not),
    *(ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.arguments, ast.arg, ast.FunctionDef),
)
"""Syntax that needs no look beyond its parts."""


def check_kernels(source: str) -> dict[str, tuple[str, ...]]:
    """The arguments of each function that `source` defines; raises GuardError for a source that is not kernels only."""
    if len(source) > MAX_SOURCE:
        raise GuardError(f"{len(source)} characters of source")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise GuardError(f"not Python: {type(error).__name__}") from error
    functions: dict[str, tuple[str, ...]] = {}
    for statement in tree.body:
        match statement:
            case ast.Expr(ast.Constant(str())) | ast.Import() if _is_known(statement):
                continue
            case ast.FunctionDef():
                functions[statement.name] = tuple(a.arg for a in statement.args.args)
                _check_function(statement, functions)
            case _:
                _refuse(statement, f"{type(statement).__name__} beside the kernels")
    return functions


def _is_known(statement: ast.stmt) -> bool:
    return not isinstance(statement, ast.Import) or ast.unparse(statement) in IMPORTS


def _check_function(function: ast.FunctionDef, functions: dict[str, tuple[str, ...]]) -> None:
    if [ast.unparse(d) for d in function.decorator_list] != ["triton.jit"] or function.returns:
        _refuse(function, "a function that is no kernel")
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs or arguments.kwonlyargs or arguments.defaults:
        _refuse(function, "arguments by other means than position")
    own = {function.name, *functions[function.name]}
    own |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for name in own:
        if name.startswith("__") or name in BUILTINS or name in ("tl", "triton"):
            _refuse(function, f"a new meaning of {name}")
    known = own | BUILTINS | functions.keys()
    for statement in (*arguments.args, *function.body):
        _check(statement, known)


def _check(node: ast.AST, known: set[str] | frozenset[str]) -> None:
    if isinstance(node, ast.Attribute):
        name = _language_name(node)
        if name:
            if name not in LANGUAGE:
                _refuse(node, f"tl.{name} is not used by kernels")
            return
        if node.attr not in METHODS:
            _refuse(node, f"the attribute {node.attr}")
    elif isinstance(node, ast.Name):
        if node.id not in known:
            _refuse(node, f"the name {node.id}")
    elif not isinstance(node, PLAIN):
        _refuse(node, f"{type(node).__name__} is not used by kernels")
    for child in ast.iter_child_nodes(node):
        _check(child, known)


def _language_name(node: ast.Attribute) -> str:
    """`PropagateNan.ALL` for `tl.PropagateNan.ALL`; empty for an attribute of anything but `tl`."""
    parts: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    return ".".join(reversed(parts)) if isinstance(inner, ast.Name) and inner.id == "tl" else ""


def _refuse(node: ast.AST, reason: str) -> NoReturn:
    raise GuardError(f"line {getattr(node, 'lineno', '?')}: {reason}")
