"""tcaffe: a graph compiler for Caffe networks.

    exe = tcaffe.compile("net.prototxt", "net.caffemodel")     # an Executable
    exe(data=image)["prob"]
    exe.save("net.bundle"); tcaffe.load("net.bundle")          # needs no compiler
    net = tcaffe.Net("net.prototxt", "net.caffemodel", tcaffe.TEST)   # as in pycaffe

Names are imported when they are first used, so that a bundle is loaded without the compiler. Once tcaffe is imported,
`import caffe` gives it too, unless the original is installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tcaffe.alias import answer_to_caffe
from tcaffe.diagnostics import CompileError, Diagnostic

if TYPE_CHECKING:
    from tcaffe.compiler import compile
    from tcaffe.frontend.layers import layer
    from tcaffe.pycaffe import (
        TEST,
        TRAIN,
        Layer,
        Net,
        Timer,
        has_nccl,
        init_log,
        layer_type_list,
        log,
        set_device,
        set_mode_cpu,
        set_mode_gpu,
        set_multiprocess,
        set_random_seed,
        set_solver_count,
        set_solver_rank,
        solver_count,
        solver_rank,
    )
    from tcaffe.pycaffe.classifier import Classifier
    from tcaffe.pycaffe.detector import Detector
    from tcaffe.pycaffe.net_spec import NetSpec, layers, params, to_proto
    from tcaffe.pycaffe.solver import (
        AdaDeltaSolver,
        AdaGradSolver,
        AdamSolver,
        NesterovSolver,
        RMSPropSolver,
        SGDSolver,
        get_solver,
    )
    from tcaffe.runtime.executable import Executable, load

__version__ = "0.1.0"

PYCAFFE = (
    "TEST",
    "TRAIN",
    "Layer",
    "Net",
    "Timer",
    "has_nccl",
    "init_log",
    "layer_type_list",
    "log",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
)

SOLVERS = (
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "NesterovSolver",
    "RMSPropSolver",
    "SGDSolver",
    "get_solver",
)

HOMES = {
    "compile": "compiler",
    "layer": "frontend.layers",
    "Executable": "runtime.executable",
    "load": "runtime.executable",
    **dict.fromkeys(PYCAFFE, "pycaffe"),
    **dict.fromkeys(SOLVERS, "pycaffe.solver"),
    "Classifier": "pycaffe.classifier",
    "Detector": "pycaffe.detector",
    **dict.fromkeys(("NetSpec", "layers", "params", "to_proto"), "pycaffe.net_spec"),
}
"""Where each public name is defined."""

MODULES = {
    "proto": "schema",
    **{name: f"pycaffe.{name}" for name in ("classifier", "coord_map", "detector", "draw", "io", "net_spec")},
}
"""Modules under the names that pycaffe has for them."""

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Classifier",
    "CompileError",
    "Detector",
    "Diagnostic",
    "Executable",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "Timer",
    "__version__",
    "compile",
    "get_solver",
    "has_nccl",
    "init_log",
    "layer",
    "layer_type_list",
    "layers",
    "load",
    "log",
    "params",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]

answer_to_caffe()


def __getattr__(name: str) -> Any:
    """A public name, from where it is defined."""
    if name in MODULES:
        value: Any = import_module(f"tcaffe.{MODULES[name]}")
    elif name in HOMES:
        value = getattr(import_module(f"tcaffe.{HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'tcaffe' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*__all__, *MODULES))
