"""The name `caffe`: scripts and Python layers written for the original import it, and get tcaffe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

NAMES = ("classifier", "coord_map", "detector", "draw", "io", "net_spec")
MODULES = {
    "caffe.proto": "tcaffe.schema",
    "caffe.proto.caffe_pb2": "tcaffe.schema.caffe_pb2",
    **{f"caffe.{name}": f"tcaffe.pycaffe.{name}" for name in NAMES},
}
"""What stands for modules of the original; the others have their own names here, too."""


class CaffeFinder(MetaPathFinder, Loader):
    """Finds `caffe` where no package of that name is installed, and its modules, each once under both names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of `caffe` or of a module in it; None for all others, which other finders look for."""
        if name == "caffe":
            return None if PathFinder.find_spec(name) else ModuleSpec(name, self, is_package=True)
        ours = name.startswith("caffe.") and sys.modules["caffe"] is sys.modules["tcaffe"]
        return ModuleSpec(name, self) if ours else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that is meant in the place of the empty one that the import system has made."""
        name = module.__name__
        sys.modules[name] = import_module(MODULES.get(name, f"t{name}"))


def answer_to_caffe() -> None:
    """From now on, let `import caffe` find tcaffe."""
    if not any(isinstance(finder, CaffeFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, CaffeFinder())
