"""The floors of the house, read from the imports: who may know whom, and where an optional library may be loaded."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tcaffe"

# From the ground up. A file imports from lower floors or from its own folder (docs/architecture.md).
FLOORS = [
    {"alias", "diagnostics", "explanations", "schema"},
    {"ir"},
    {"frontend", "passes", "codegen"},
    {"runtime", "data"},
    {"link", "gradients"},
    {"request"},
    {"compiler"},
    {"train"},
    {"pycaffe"},
    {"cli"},
    {"__init__", "__main__"},
]
FLOOR = {folder: number for number, folders in enumerate(FLOORS) for folder in folders}

# A saved bundle runs without the compiler: all the runtime knows of it is the program.
RUNTIME_KNOWS = {"tcaffe.diagnostics", "tcaffe.ir.program", "tcaffe.ir.target"}

# Optional libraries, and the files that may load them, inside a function; torch and triton in runtime/, and torch where
# processes talk to each other.
# Weights and data are two formats that both happen to be HDF5.
OPTIONAL: dict[str, set[str]] = {
    "torch": {"runtime/gpu/devices.py", "runtime/gpu/interpreter.py", "train/group.py"},
    "triton": {"runtime/gpu/interpreter.py", "runtime/gpu/module.py", "runtime/gpu/worker.py"},
    "h5py": {"data/hdf5.py", "frontend/weights/hdf5.py"},
    "plyvel": {"data/database.py"},
    "PIL": {"data/image.py"},
    "cv2": set(),
    "matplotlib": {"cli/plotting.py"},
    "pydot": {"pycaffe/draw.py"},
    "scipy": {"pycaffe/images.py"},
    "selective_search_ijcv_with_python": {"pycaffe/detector.py"},
}

# Files that load parts of the package on first use: public names without the compiler, `--help` without any of it.
# Python layers are in modules that a prototxt names.
LATE = {
    "__init__.py": "tcaffe.",
    "alias.py": "a module chosen at run time",
    "cli/group.py": "tcaffe.cli.commands.",
    "pycaffe/hosts.py": "a module chosen at run time",
}

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Import:
    """One imported module: where the import stands, what it names, and whether it hides inside a function."""

    file: str
    line: int
    target: str
    hidden: bool

    @property
    def folder(self) -> str:
        """The folder or top-level module the import stands in: `ir/ops/conv.py` is in `ir`."""
        return self.file.split("/")[0].removesuffix(".py")

    @property
    def library(self) -> str:
        return self.target.split(".")[0]

    @property
    def internal(self) -> str | None:
        """The folder of the package it names, or None for another library or a name made at run time."""
        return [*self.target.split("."), "__init__"][1] or None if self.library == "tcaffe" else None

    def __str__(self) -> str:
        return f"tcaffe/{self.file}:{self.line} imports {self.target}"


def imports(package: Path) -> list[Import]:
    """Every import of every file under `package`."""
    return [found for path in sorted(package.rglob("*.py")) for found in imports_of(path, package)]


def imports_of(path: Path, package: Path) -> Iterator[Import]:
    file = path.relative_to(package).as_posix()
    tree = ast.parse(path.read_text("utf-8"))
    inside = {id(child) for node in ast.walk(tree) if isinstance(node, FUNCTIONS) for child in ast.walk(node)}
    for node in ast.walk(tree):
        for target in targets(node, path, package):
            yield Import(file, node.lineno, target, id(node) in inside)


def targets(node: ast.AST, path: Path, package: Path) -> list[str]:
    """The modules a statement or call imports; `from package import name` names a module where there is one."""
    match node:
        case ast.Import(names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module, names, level):
            here = ["tcaffe", *path.relative_to(package).parts[:-level]] if level else []
            base = ".".join([*here, *filter(None, [module])])
            return [named if is_module(named := f"{base}.{alias.name}", package) else base for alias in names]
        case ast.Call(ast.Attribute(attr="import_module") | ast.Name("import_module" | "__import__"), [first, *_]):
            return [fixed_part(first) or "a module chosen at run time"]
    return []


def fixed_part(name: ast.expr) -> str:
    """What is known of a computed module name: `tcaffe.cli.commands.` of f"tcaffe.cli.commands.{command}"."""
    match name:
        case ast.Constant(str(text)) | ast.JoinedStr([ast.Constant(str(text)), *_]):
            return text
    return ""


def is_module(name: str, package: Path) -> bool:
    parts = name.split(".")
    place = package.joinpath(*parts[1:])
    return parts[0] == "tcaffe" and (place.is_dir() or place.with_suffix(".py").is_file())


def violations(package: Path) -> list[str]:
    """What breaks the house rules, a line each."""
    found = imports(package)
    return [*unknown_folders(package), *(line for rule in RULES for line in rule(found))]


def unknown_folders(package: Path) -> Iterator[str]:
    names = {path.relative_to(package).parts[0].removesuffix(".py") for path in package.rglob("*.py")}
    for name in sorted(names - FLOOR.keys()):
        yield f"tcaffe/{name} stands on no floor"


def upward(found: list[Import]) -> Iterator[str]:
    for one in found:
        below = one.internal is None or FLOOR.get(one.internal, 99) < FLOOR.get(one.folder, 99)
        if not below and one.internal != one.folder:
            yield f"{one}: not from a lower floor"


def too_curious(found: list[Import]) -> Iterator[str]:
    for one in found:
        if one.folder == "runtime" and one.internal not in {None, "runtime"} and one.target not in RUNTIME_KNOWS:
            yield f"{one}: a saved bundle runs without it"


def hidden(found: list[Import]) -> Iterator[str]:
    for one in found:
        late = one.file in LATE and one.target.startswith(LATE[one.file])
        if one.hidden and one.library not in OPTIONAL and not late:
            yield f"{one} inside a function"


def scattered(found: list[Import]) -> Iterator[str]:
    for one in found:
        if one.library in OPTIONAL and one.file not in OPTIONAL[one.library]:
            yield f"{one}: no place named for it in {Path(__file__).name}"
        elif one.library in OPTIONAL and not one.hidden:
            yield f"{one} at the top of a file: then it is not optional"


def cycles(found: list[Import]) -> Iterator[str]:
    graph = defaultdict(set)
    for one in found:
        if one.internal and one.internal != one.folder:
            graph[one.folder].add(one.internal)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"folders in a cycle: {' -> '.join(reversed(error.args[1]))}"


RULES = [upward, too_curious, hidden, scattered, cycles]


def test_the_house_stands() -> None:
    assert violations(PACKAGE) == []


def test_the_imports_are_really_read() -> None:
    assert any(one.folder == "ir" and one.internal == "diagnostics" for one in imports(PACKAGE))


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("ir/node.py", "import tcaffe.passes.fuse", "1 imports tcaffe.passes.fuse: not from a lower floor"),
        ("ir/node.py", "from ..passes import fuse", "1 imports tcaffe.passes.fuse: not from a lower floor"),
        ("ir/node.py", "from tcaffe import compile", "1 imports tcaffe: not from a lower floor"),
        ("passes/fuse.py", "from tcaffe.codegen import emit", "1 imports tcaffe.codegen: not from a lower floor"),
        ("runtime/run.py", "from tcaffe.ir import graph", "1 imports tcaffe.ir.graph: a saved bundle runs without it"),
        ("data/db.py", "def f():\n  import lmdb", "2 imports lmdb inside a function"),
        ("data/db.py", "f = lambda: __import__('os')", "1 imports os inside a function"),
        ("cli/group.py", "f = lambda n: import_module(n)", "1 imports a module chosen at run time inside a function"),
        ("data/hdf5.py", "import h5py", "1 imports h5py at the top of a file: then it is not optional"),
        ("codegen/emit.py", "def f():\n  import triton", "2 imports triton: no place named for it in test_floors.py"),
    ],
)
def test_a_crooked_house_is_noticed(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    house(tmp_path, {"passes/fuse.py": "", "ir/graph.py": "", file: text})
    assert violations(tmp_path) == [f"tcaffe/{file}:{complaint}"]


def test_a_new_folder_must_choose_its_floor(tmp_path: Path) -> None:
    house(tmp_path, {"misc/tools.py": ""})
    assert violations(tmp_path) == ["tcaffe/misc stands on no floor"]


def test_torch_stays_in_the_runtime() -> None:
    allowed = {*OPTIONAL["torch"], *OPTIONAL["triton"]} - {"train/group.py"}
    assert all(file.startswith("runtime/") for file in allowed)


def test_a_cycle_of_folders_is_noticed(tmp_path: Path) -> None:
    house(tmp_path, {"ir/a.py": "import tcaffe.passes.b", "passes/b.py": "import tcaffe.ir.a"})
    assert any(line.startswith("folders in a cycle: ") for line in violations(tmp_path))


def test_what_the_house_allows(tmp_path: Path) -> None:
    allowed = {
        "ir/node.py": "import numpy as np\nfrom .types import T\nfrom ..diagnostics import Span",
        "ir/types.py": "",
        "diagnostics.py": "",
        "runtime/run.py": "from tcaffe.ir import program",
        "data/hdf5.py": "def f():\n  import h5py",
        "ir/program.py": "",
        "cli/group.py": "def f(name):\n  return importlib.import_module(f'tcaffe.cli.commands.{name}')",
    }
    house(tmp_path, allowed)
    assert violations(tmp_path) == []


def house(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
