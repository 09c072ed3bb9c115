"""tcaffe: a graph compiler for Caffe networks.

    exe = tcaffe.compile("net.prototxt", "net.caffemodel")     # an Executable
    exe(data=image)["prob"]
    exe.save("net.bundle"); tcaffe.load("net.bundle")          # needs no compiler
    net = tcaffe.Net("net.prototxt", "net.caffemodel", tcaffe.TEST)   # as in pycaffe

Names are imported when they are first used, so that a bundle is loaded without the compiler.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tcaffe.diagnostics import CompileError, Diagnostic

if TYPE_CHECKING:
    from tcaffe.compiler import compile
    from tcaffe.frontend.layers import layer
    from tcaffe.pycaffe import TEST, TRAIN, Layer, Net, layer_type_list, set_mode_cpu, set_mode_gpu, set_random_seed
    from tcaffe.runtime.executable import Executable, load

__version__ = "0.1.0"

HOMES = {
    "compile": "compiler",
    "layer": "frontend.layers",
    "Executable": "runtime.executable",
    "load": "runtime.executable",
    **dict.fromkeys(
        ("Layer", "Net", "TEST", "TRAIN", "layer_type_list", "set_mode_cpu", "set_mode_gpu", "set_random_seed"),
        "pycaffe",
    ),
}
"""Where each public name is defined."""

__all__ = [
    "TEST",
    "TRAIN",
    "CompileError",
    "Diagnostic",
    "Executable",
    "Layer",
    "Net",
    "__version__",
    "compile",
    "layer",
    "layer_type_list",
    "load",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
]


def __getattr__(name: str) -> Any:
    """A public name, from where it is defined."""
    if name not in HOMES:
        raise AttributeError(f"module 'tcaffe' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"tcaffe.{HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
