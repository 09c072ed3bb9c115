"""A process of its own for emitted Triton code: `child.py interpret FOLDERS` or `child.py compile FOLDERS SM`.

One process cannot do both: the interpreter changes what the compiler is made of.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import triton

DTYPES = {
    "f32": torch.float32,
    "f64": torch.float64,
    "i32": torch.int32,
    "i64": torch.int64,
    "u8": torch.uint8,
    "bool": torch.bool,
}
POINTERS = {"f32": "*fp32", "f64": "*fp64", "i32": "*i32", "i64": "*i64", "u8": "*u8", "bool": "*i1"}


def main() -> None:
    mode, folders, *arguments = sys.argv[1:]
    np.seterr(all="ignore")
    if mode == "interpret":
        watch_bounds()
    for folder in map(Path, folders.splitlines()):
        manifest = json.loads((folder / "manifest.json").read_text())
        if mode == "interpret":
            interpret(folder, manifest)
        else:
            compile_all(folder, manifest, int(arguments[0]))


def load_module(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("kernels", folder / "kernels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def interpret(folder: Path, manifest: dict) -> None:
    """Run all launches on one arena, which starts as not-a-number so that what nobody wrote is seen."""
    module, arrays = load_module(folder), np.load(folder / "arrays.npz")
    arena = torch.full((-(-manifest["size"] // 8) * 8,), 0xFF, dtype=torch.uint8)
    values = {}
    for name, (dtype, shape, strides, offset) in manifest["views"].items():
        values[name] = torch.as_strided(arena.view(DTYPES[dtype]), shape, strides, offset)
    values |= {name: torch.from_numpy(np.array(arrays[f"param {name}"])) for name in manifest["params"]}
    for name in manifest["inputs"]:
        values[name].copy_(torch.from_numpy(arrays[f"value {name}"]))
    for launch in manifest["launches"]:
        if launch["programs"]:
            pointers = [values[name] for name in launch["pointers"]]
            getattr(module, launch["function"])[(launch["programs"],)](*pointers, **launch["constants"])
    np.savez(folder / "outputs.npz", **{k: values[name].numpy() for k, name in manifest["outputs"].items()})


def watch_bounds() -> None:
    """Let the interpreter refuse every access outside the tensors a kernel was given."""
    from triton.runtime import interpreter

    builder, executor = interpreter.InterpreterBuilder, interpreter.GridExecutor
    load, store, call = builder.create_masked_load, builder.create_masked_store, executor.__call__
    ranges: list[tuple[int, int]] = []

    def check(pointers, mask) -> None:
        addresses = np.broadcast_to(pointers.data, np.shape(mask.data))[np.asarray(mask.data, bool)]
        inside = np.zeros(addresses.shape, bool)
        for low, high in ranges:
            inside |= (addresses >= np.uint64(low)) & (addresses < np.uint64(high))
        assert inside.all(), f"{(~inside).sum()} of {inside.size} accesses are out of bounds"

    def checked_load(self, pointers, mask, *rest):
        check(pointers, mask)
        return load(self, pointers, mask, *rest)

    def checked_store(self, pointers, value, mask, *rest):
        check(pointers, mask)
        return store(self, pointers, value, mask, *rest)

    def checked_call(self, *tensors, **sizes):
        for tensor in tensors:
            extent = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True)) + 1
            ranges.append((tensor.data_ptr(), tensor.data_ptr() + extent * tensor.element_size()))
        call(self, *tensors, **sizes)
        ranges.clear()

    builder.create_masked_load, builder.create_masked_store = checked_load, checked_store
    executor.__call__ = checked_call


def compile_all(folder: Path, manifest: dict, architecture: int) -> None:
    module = load_module(folder)
    report = {launch["function"]: compiled(module, manifest, launch, architecture) for launch in manifest["launches"]}
    (folder / "report.json").write_text(json.dumps(report))


def compiled(module: ModuleType, manifest: dict, launch: dict, architecture: int) -> dict[str, int]:
    """What one kernel needs, from the binary and its metadata."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel = getattr(module, launch["function"])
    dtypes = [manifest["params"].get(name) or manifest["views"][name][0] for name in launch["pointers"]]
    pointers = dict(zip(kernel.arg_names, [POINTERS[d] for d in dtypes], strict=False))
    signature = {name: pointers.get(name, "constexpr") for name in kernel.arg_names}
    aligned = {(k,): [["tt.divisibility", 16]] for k in range(len(dtypes))}
    options = {
        "num_warps": launch["warps"],
        "num_stages": launch["stages"],
        "enable_fp_fusion": True,
    }
    source = ASTSource(kernel, signature, launch["constants"], aligned)
    found = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    return {"shared": found.metadata.shared, **resources(found.asm["cubin"])}


def resources(cubin: bytes) -> dict[str, int]:
    """Registers a thread, and bytes of stack: what does not fit into registers is spilled there."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "kernel.cubin")
        Path(path).write_bytes(cubin)
        shown = subprocess.run([tool, "-res-usage", path], capture_output=True, text=True, check=True).stdout
    return {key.lower(): int(re.search(rf"{key}:(\d+)", shown)[1]) for key in ("REG", "STACK")}


main()
