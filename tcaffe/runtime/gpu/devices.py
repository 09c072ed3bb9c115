"""The GPUs of this machine, as torch tells of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.ir.target import INTERPRETER

GPU_FACTS = {
    "warp_size": "threads of a warp",
    "max_threads_per_block": "threads of a block at most",
    "max_threads_per_multi_processor": "threads of a multiprocessor at most",
    "regs_per_multiprocessor": "registers of a multiprocessor",
    "shared_memory_per_block": "bytes of shared memory of a block",
    "shared_memory_per_multiprocessor": "bytes of shared memory of a multiprocessor",
    "L2_cache_size": "bytes of the L2 cache",
    "clock_rate": "kHz",
}
"""What torch may tell of a GPU, depending on its version, and what each number counts."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: its bytes of memory, its compute capability such as "9.0", and further facts by torch's names."""

    index: int
    name: str
    memory: int
    capability: str
    multiprocessors: int
    facts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Gpus:
    """The GPUs that torch sees, or why there is none."""

    found: tuple[Gpu, ...]
    why_none: str = ""


def interpreted() -> bool:
    """Whether kernels for GPUs are to run in Triton's interpreter: so says TRITON_INTERPRET."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on", "y", "yes")


def architecture_of(device: int) -> str:
    """The architecture, such as sm_90, of the GPU of that number, or that of the interpreter.

    Raises CompileError (E0627) where there is no such GPU.
    """
    if interpreted():
        return INTERPRETER
    gpus = find_gpus()
    for gpu in gpus.found:
        if gpu.index == device:
            return f"sm_{gpu.capability.replace('.', '')}"
    why = gpus.why_none or f"this machine has {len(gpus.found)}, numbered from 0"
    ways = "compile for one elsewhere, as in `cuda:sm_90`, or set TRITON_INTERPRET=1 and kernels are interpreted"
    raise CompileError([Diagnostic("E0627", f"there is no GPU {device}: {why}", suggestion=ways)])


def find_gpus() -> Gpus:
    """The GPUs there are."""
    torch = _torch()
    if torch is None:
        return Gpus((), "torch is not installed: pip install 'tcaffe[gpu]'")
    if not torch.cuda.is_available():
        built = torch.version.cuda or torch.version.hip
        return Gpus((), "torch sees none" if built else f"torch {torch.__version__} is built for processors alone")
    return Gpus(tuple(_gpu(k, torch.cuda.get_device_properties(k)) for k in range(torch.cuda.device_count())))


def _gpu(index: int, told: Any) -> Gpu:
    facts = {name: int(getattr(told, name)) for name in GPU_FACTS if hasattr(told, name)}
    capability = f"{told.major}.{told.minor}"
    return Gpu(index, told.name, told.total_memory, capability, told.multi_processor_count, facts)


def _torch() -> ModuleType | None:
    """The optional library."""
    try:
        import torch
    except ImportError:
        return None
    module: ModuleType = torch
    return module
